//! The rules, one file each.

mod arguments_host_path;
mod arguments_secret;
mod audit_in_guest_reach;
mod audit_in_temporary;
mod audit_off;
mod audit_open_to_others;
mod audit_readable_by_guest;
mod audit_to_nowhere;
mod call_depth_beyond_stack;
mod call_depth_with_components;
mod clock_high_resolution;
mod compile_memory_too_large;
mod compile_memory_unbounded;
mod compile_time_exceeds_deadline;
mod compile_time_too_long;
mod compile_time_unbounded;
mod connections_too_many;
mod cpu_time_exceeds_deadline;
mod cpu_time_unbounded;
mod deadline_too_long;
mod deadline_unbounded;
mod deterministic_run;
mod deterministic_with_outside_world;
mod disk_too_large;
mod disk_unbounded;
mod engine_advisories_stale;
mod engine_end_of_life;
mod engine_vulnerable;
mod environment_host_identity;
mod environment_host_path;
mod environment_inherit_all;
mod environment_interpolated;
mod environment_loader_name;
mod environment_name_odd;
mod environment_proxy;
mod environment_secret_name;
mod environment_secret_value;
mod environment_url_credentials;
mod error_detail_full;
mod feature_exceptions;
mod feature_function_references;
mod feature_gc;
mod feature_memory64;
mod feature_multi_memory;
mod feature_not_allowed;
mod feature_simd_relaxed;
mod feature_tail_call;
mod feature_threads;
mod feature_unneeded;
mod feature_unstable;
mod feature_wildcard;
mod feature_without_base;
mod features_missing;
mod file_size_exceeds_disk;
mod files_unbounded;
mod fuel_above_baseline;
mod fuel_and_deadline_missing;
mod fuel_too_large;
mod fuel_unbounded;
mod grant_all_writable;
mod grant_backslash;
mod grant_control_characters;
mod grant_control_socket;
mod grant_covers_cache;
mod grant_covers_policy;
mod grant_credentials;
mod grant_dev;
mod grant_dot;
mod grant_dotdot;
mod grant_duplicate_guest_path;
mod grant_duplicate_host_path;
mod grant_etc;
mod grant_foreign_owner;
mod grant_glob;
mod grant_guest_path_shadows;
mod grant_guest_unnamed;
mod grant_holds_secrets;
mod grant_holds_socket;
mod grant_home;
mod grant_missing_path;
mod grant_not_a_folder;
mod grant_not_enforceable;
mod grant_open_to_others;
mod grant_parent_of_other;
mod grant_proc;
mod grant_reason_vague;
mod grant_relative;
mod grant_root;
mod grant_service_data;
mod grant_source_tree;
mod grant_symlinked;
mod grant_sys;
mod grant_top_level;
mod grant_unused;
mod grant_url;
mod grant_variable;
mod grant_without_reason;
mod grant_world_writable;
mod grant_write_inside_read;
mod grant_write_without_need;
mod grant_write_without_quota;
mod grant_writes_code;
mod grant_writes_source;
mod handles_too_many;
mod handles_unbounded;
mod host_work_beyond_deadline;
mod host_work_unbounded;
mod import_not_granted;
mod import_not_linked;
mod import_unknown_stubbed;
mod instances_too_many;
mod instances_unbounded;
mod isolation_best_effort;
mod isolation_caller_user;
mod isolation_off;
mod isolation_optional;
mod isolation_root;
mod isolation_unavailable;
mod isolation_weakened;
mod isolation_without_process;
mod limit_below_minimum;
mod limit_decimal_unit;
mod limit_share;
mod limit_zero;
mod limits_missing;
mod memory_above_baseline;
mod memory_below_page;
mod memory_exceeds_host;
mod memory_not_page_multiple;
mod memory_too_large;
mod memory_unbounded;
mod module_compressed;
mod module_deny_list_in_guest_reach;
mod module_deny_list_missing;
mod module_digest_duplicate;
mod module_digest_empty;
mod module_digest_mismatch;
mod module_digest_missing;
mod module_precompiled;
mod module_size_too_large;
mod module_size_unbounded;
mod module_unpinned;
mod network_address_with_path;
mod network_any;
mod network_bytes_too_large;
mod network_control_port;
mod network_database_port;
mod network_dns_open;
mod network_dns_server;
mod network_exfiltration_host;
mod network_grant_redundant;
mod network_grant_without_quota;
mod network_idn;
mod network_internal_name;
mod network_ip_embedded;
mod network_ip_literal;
mod network_ip_odd_spelling;
mod network_listen;
mod network_listen_any;
mod network_loopback;
mod network_metadata;
mod network_multicast;
mod network_name_unpinned;
mod network_plaintext;
mod network_port_any;
mod network_port_invalid;
mod network_private;
mod network_privileged_port;
mod network_proxy;
mod network_redirects;
mod network_resolve_without_connect;
mod network_single_label;
mod network_suffix_confusion;
mod network_traffic_unbounded;
mod network_trailing_dot;
mod network_variable;
mod network_wide_cidr;
mod network_wildcard_host;
mod network_wildcard_suffix;
mod open_files_too_many;
mod open_files_unbounded;
mod output_exceeds_host_work;
mod output_exceeds_memory;
mod output_too_large;
mod output_unbounded;
mod per_tenant_below_run;
mod per_tenant_zero;
mod random_seed_common;
mod random_seeded;
mod stack_exceeds_memory;
mod stack_too_large;
mod stack_unbounded;
mod stdin_inherit;
mod table_elements_exceed_memory;
mod table_elements_unbounded;
mod waiver_critical;
mod waiver_duplicate;
mod waiver_expired;
pub(crate) mod waiver_silences_several;
mod waiver_too_broad;
mod waiver_too_long;
mod waiver_unknown_rule;
pub(crate) mod waiver_unused;
mod waiver_without_effect;
mod waiver_without_expiry;
mod waiver_without_owner;
mod waiver_without_reason;

use crate::rule::Rule;

/// What hosts are known not to hold.
pub(crate) const NOT_ENFORCEABLE: &str = grant_not_enforceable::RULE.id;
/// One word that turns on every proposal.
pub(crate) const FEATURE_WILDCARD: &str = feature_wildcard::RULE.id;
/// Code that is fetched and not pinned.
pub(crate) const MODULE_UNPINNED: &str = module_unpinned::RULE.id;
/// A host that a variable names.
pub(crate) const NETWORK_VARIABLE: &str = network_variable::RULE.id;
/// The rules about what only formats of other hosts can say.
pub(crate) const OF_HOSTS: &[&str] = &[NOT_ENFORCEABLE, FEATURE_WILDCARD, MODULE_UNPINNED, NETWORK_VARIABLE];

/// Every rule. Help, SARIF tables and rule pages come from this list.
pub(crate) const RULES: &[&Rule] = &[
    // limits
    &memory_unbounded::RULE,
    &memory_too_large::RULE,
    &memory_below_page::RULE,
    &limit_below_minimum::RULE,
    &limit_zero::RULE,
    &limits_missing::RULE,
    &limit_decimal_unit::RULE,
    &fuel_and_deadline_missing::RULE,
    &deadline_unbounded::RULE,
    &deadline_too_long::RULE,
    &cpu_time_unbounded::RULE,
    &fuel_unbounded::RULE,
    &fuel_too_large::RULE,
    &table_elements_unbounded::RULE,
    &instances_unbounded::RULE,
    &handles_unbounded::RULE,
    &stack_unbounded::RULE,
    &stack_too_large::RULE,
    &output_unbounded::RULE,
    &host_work_unbounded::RULE,
    &module_size_unbounded::RULE,
    &compile_time_unbounded::RULE,
    &compile_memory_unbounded::RULE,
    &open_files_unbounded::RULE,
    &disk_unbounded::RULE,
    &files_unbounded::RULE,
    &network_traffic_unbounded::RULE,
    &memory_above_baseline::RULE,
    &fuel_above_baseline::RULE,
    &output_too_large::RULE,
    &compile_time_too_long::RULE,
    &compile_memory_too_large::RULE,
    &module_size_too_large::RULE,
    &open_files_too_many::RULE,
    &handles_too_many::RULE,
    &instances_too_many::RULE,
    &connections_too_many::RULE,
    &network_bytes_too_large::RULE,
    &disk_too_large::RULE,
    &cpu_time_exceeds_deadline::RULE,
    &compile_time_exceeds_deadline::RULE,
    &output_exceeds_memory::RULE,
    &output_exceeds_host_work::RULE,
    &file_size_exceeds_disk::RULE,
    &stack_exceeds_memory::RULE,
    &host_work_beyond_deadline::RULE,
    &table_elements_exceed_memory::RULE,
    &call_depth_beyond_stack::RULE,
    &call_depth_with_components::RULE,
    &memory_not_page_multiple::RULE,
    &limit_share::RULE,
    &memory_exceeds_host::RULE,
    &grant_write_without_quota::RULE,
    &network_grant_without_quota::RULE,
    &per_tenant_zero::RULE,
    &per_tenant_below_run::RULE,
    // files
    &grant_root::RULE,
    &grant_home::RULE,
    &grant_etc::RULE,
    &grant_proc::RULE,
    &grant_sys::RULE,
    &grant_dev::RULE,
    &grant_control_socket::RULE,
    &grant_credentials::RULE,
    &grant_dot::RULE,
    &grant_dotdot::RULE,
    &grant_glob::RULE,
    &grant_variable::RULE,
    &grant_control_characters::RULE,
    &grant_write_inside_read::RULE,
    &grant_parent_of_other::RULE,
    &grant_duplicate_guest_path::RULE,
    &grant_guest_path_shadows::RULE,
    &grant_without_reason::RULE,
    &grant_guest_unnamed::RULE,
    &grant_writes_code::RULE,
    &grant_world_writable::RULE,
    &grant_unused::RULE,
    &grant_relative::RULE,
    &grant_top_level::RULE,
    &grant_service_data::RULE,
    &grant_covers_cache::RULE,
    &grant_write_without_need::RULE,
    &grant_writes_source::RULE,
    &grant_backslash::RULE,
    &grant_url::RULE,
    &grant_duplicate_host_path::RULE,
    &grant_reason_vague::RULE,
    &grant_all_writable::RULE,
    &grant_missing_path::RULE,
    &grant_symlinked::RULE,
    &grant_not_a_folder::RULE,
    &grant_open_to_others::RULE,
    &grant_foreign_owner::RULE,
    &grant_source_tree::RULE,
    &grant_holds_secrets::RULE,
    &grant_holds_socket::RULE,
    &grant_covers_policy::RULE,
    // network
    &network_any::RULE,
    &network_wide_cidr::RULE,
    &network_wildcard_host::RULE,
    &network_metadata::RULE,
    &network_loopback::RULE,
    &network_private::RULE,
    &network_port_any::RULE,
    &network_ip_odd_spelling::RULE,
    &network_dns_open::RULE,
    &network_listen::RULE,
    &network_listen_any::RULE,
    &network_privileged_port::RULE,
    &network_wildcard_suffix::RULE,
    &network_suffix_confusion::RULE,
    &network_name_unpinned::RULE,
    &network_plaintext::RULE,
    &network_address_with_path::RULE,
    &network_proxy::RULE,
    &network_redirects::RULE,
    &network_exfiltration_host::RULE,
    &network_resolve_without_connect::RULE,
    &network_dns_server::RULE,
    &network_control_port::RULE,
    &network_database_port::RULE,
    &network_ip_literal::RULE,
    &network_multicast::RULE,
    &network_ip_embedded::RULE,
    &network_idn::RULE,
    &network_trailing_dot::RULE,
    &network_grant_redundant::RULE,
    &network_single_label::RULE,
    &network_internal_name::RULE,
    &network_port_invalid::RULE,
    &network_variable::RULE,
    // environment
    &environment_secret_name::RULE,
    &environment_secret_value::RULE,
    &environment_url_credentials::RULE,
    &environment_loader_name::RULE,
    &arguments_secret::RULE,
    &environment_inherit_all::RULE,
    &environment_host_path::RULE,
    &environment_interpolated::RULE,
    &environment_name_odd::RULE,
    &environment_proxy::RULE,
    &environment_host_identity::RULE,
    &arguments_host_path::RULE,
    // streams
    &stdin_inherit::RULE,
    // clocks
    &clock_high_resolution::RULE,
    &random_seeded::RULE,
    &deterministic_run::RULE,
    &random_seed_common::RULE,
    &deterministic_with_outside_world::RULE,
    // features
    &feature_threads::RULE,
    &feature_gc::RULE,
    &feature_memory64::RULE,
    &feature_unstable::RULE,
    &feature_simd_relaxed::RULE,
    &feature_unneeded::RULE,
    &feature_not_allowed::RULE,
    &feature_exceptions::RULE,
    &feature_multi_memory::RULE,
    &feature_function_references::RULE,
    &feature_tail_call::RULE,
    &feature_without_base::RULE,
    &features_missing::RULE,
    &feature_wildcard::RULE,
    // modules
    &module_precompiled::RULE,
    &module_compressed::RULE,
    &import_unknown_stubbed::RULE,
    &import_not_granted::RULE,
    &import_not_linked::RULE,
    &module_digest_missing::RULE,
    &module_digest_empty::RULE,
    &module_digest_duplicate::RULE,
    &module_digest_mismatch::RULE,
    &module_deny_list_in_guest_reach::RULE,
    &module_deny_list_missing::RULE,
    &module_unpinned::RULE,
    // isolation
    &isolation_off::RULE,
    &isolation_weakened::RULE,
    &isolation_best_effort::RULE,
    &isolation_caller_user::RULE,
    &isolation_optional::RULE,
    &isolation_unavailable::RULE,
    &isolation_root::RULE,
    &isolation_without_process::RULE,
    // errors
    &error_detail_full::RULE,
    // audit
    &audit_in_guest_reach::RULE,
    &audit_off::RULE,
    &audit_readable_by_guest::RULE,
    &audit_in_temporary::RULE,
    &audit_to_nowhere::RULE,
    &audit_open_to_others::RULE,
    // engine
    &engine_vulnerable::RULE,
    &engine_end_of_life::RULE,
    &engine_advisories_stale::RULE,
    &grant_not_enforceable::RULE,
    // waivers
    &waiver_without_reason::RULE,
    &waiver_without_owner::RULE,
    &waiver_without_expiry::RULE,
    &waiver_expired::RULE,
    &waiver_unknown_rule::RULE,
    &waiver_unused::RULE,
    &waiver_silences_several::RULE,
    &waiver_too_long::RULE,
    &waiver_too_broad::RULE,
    &waiver_critical::RULE,
    &waiver_duplicate::RULE,
    &waiver_without_effect::RULE,
];

#[cfg(test)]
#[cfg(unix)]
mod tests;
