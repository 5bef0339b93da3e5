//! The rules, one file each.

mod arguments_secret;
mod audit_in_guest_reach;
mod audit_off;
mod clock_high_resolution;
mod compile_memory_unbounded;
mod compile_time_unbounded;
mod cpu_time_unbounded;
mod deadline_too_long;
mod deadline_unbounded;
mod deterministic_run;
mod disk_unbounded;
mod environment_loader_name;
mod environment_secret_name;
mod environment_secret_value;
mod environment_url_credentials;
mod error_detail_full;
mod feature_gc;
mod feature_memory64;
mod feature_not_allowed;
mod feature_simd_relaxed;
mod feature_threads;
mod feature_unneeded;
mod feature_unstable;
mod files_unbounded;
mod fuel_and_deadline_missing;
mod fuel_too_large;
mod fuel_unbounded;
mod grant_control_characters;
mod grant_control_socket;
mod grant_credentials;
mod grant_dev;
mod grant_dot;
mod grant_dotdot;
mod grant_duplicate_guest_path;
mod grant_etc;
mod grant_glob;
mod grant_guest_path_shadows;
mod grant_guest_unnamed;
mod grant_home;
mod grant_parent_of_other;
mod grant_proc;
mod grant_root;
mod grant_sys;
mod grant_unused;
mod grant_variable;
mod grant_without_reason;
mod grant_world_writable;
mod grant_write_inside_read;
mod grant_writes_code;
mod handles_unbounded;
mod host_work_unbounded;
mod import_not_granted;
mod import_not_linked;
mod import_unknown_stubbed;
mod instances_unbounded;
mod isolation_best_effort;
mod isolation_caller_user;
mod isolation_off;
mod isolation_weakened;
mod limit_below_minimum;
mod limit_decimal_unit;
mod limit_zero;
mod limits_missing;
mod memory_below_page;
mod memory_too_large;
mod memory_unbounded;
mod module_compressed;
mod module_digest_mismatch;
mod module_precompiled;
mod module_size_unbounded;
mod network_any;
mod network_dns_open;
mod network_ip_odd_spelling;
mod network_listen;
mod network_listen_any;
mod network_loopback;
mod network_metadata;
mod network_port_any;
mod network_private;
mod network_privileged_port;
mod network_traffic_unbounded;
mod network_wide_cidr;
mod network_wildcard_host;
mod open_files_unbounded;
mod output_unbounded;
mod random_seeded;
mod stack_too_large;
mod stack_unbounded;
mod stdin_inherit;
mod table_elements_unbounded;
mod waiver_expired;
mod waiver_unknown_rule;
mod waiver_without_expiry;
mod waiver_without_owner;
mod waiver_without_reason;

use crate::rule::Rule;

/// Every rule. Help, SARIF tables and rule pages come from this list.
pub(crate) const RULES: &[&Rule] = &[
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
    &audit_in_guest_reach::RULE,
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
    &environment_secret_name::RULE,
    &environment_secret_value::RULE,
    &environment_url_credentials::RULE,
    &environment_loader_name::RULE,
    &arguments_secret::RULE,
    &stdin_inherit::RULE,
    &clock_high_resolution::RULE,
    &random_seeded::RULE,
    &deterministic_run::RULE,
    &feature_threads::RULE,
    &feature_gc::RULE,
    &feature_memory64::RULE,
    &feature_unstable::RULE,
    &feature_simd_relaxed::RULE,
    &feature_unneeded::RULE,
    &feature_not_allowed::RULE,
    &module_precompiled::RULE,
    &module_compressed::RULE,
    &module_digest_mismatch::RULE,
    &import_unknown_stubbed::RULE,
    &import_not_granted::RULE,
    &import_not_linked::RULE,
    &isolation_off::RULE,
    &isolation_weakened::RULE,
    &isolation_best_effort::RULE,
    &isolation_caller_user::RULE,
    &error_detail_full::RULE,
    &audit_off::RULE,
    &waiver_without_reason::RULE,
    &waiver_without_owner::RULE,
    &waiver_without_expiry::RULE,
    &waiver_expired::RULE,
    &waiver_unknown_rule::RULE,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    use gauntlet_policy::{Policy, Span};
    use gauntlet_record::{Finding, Location};

    use super::*;
    use crate::{Format, Options, lint_all, render};

    const FILE: &str = "policy.yaml";
    const TODAY: &str = "2026-01-31";

    fn options() -> Options {
        let module = wat::parse_str(crate::EXAMPLE_MODULE).unwrap();
        let module = Some(Arc::new(gauntlet_inspect::inspect(&module).unwrap()));
        Options { today: Some(TODAY.into()), module, ..Options::default() }
    }

    /// What one rule finds in a text.
    fn found(rule: &Rule, text: &str) -> Vec<Finding> {
        let policy = Policy::parse(FILE, text).unwrap_or_else(|faults| panic!("{}: {text}: {faults:?}", rule.id));
        let linted = lint_all(&policy, &options());
        linted.findings.into_iter().chain(linted.waived).filter(|finding| finding.rule == rule.id).collect()
    }

    #[test]
    fn every_rule_finds_its_bad_example_and_nothing_in_its_good_one() {
        for rule in RULES {
            let mut covered: Vec<Location> =
                found(rule, rule.bad).into_iter().map(|finding| finding.location).collect();
            covered.dedup();
            let (before, text) = rule.flags.split_once('|').unwrap_or(("", rule.flags));
            let marked = |(at, all): (usize, &str)| {
                Span::of(rule.bad, at + before.len(), at + all.len()).location(FILE, rule.bad)
            };
            let wanted: Vec<Location> = rule.bad.match_indices(&format!("{before}{text}")).map(marked).collect();
            assert!(!text.is_empty() && !wanted.is_empty(), "{}: `{}` is not in its bad example", rule.id, rule.flags);
            assert_eq!(covered, wanted, "{} has to cover `{}` in:\n{}", rule.id, rule.flags, rule.bad);
            assert_eq!(found(rule, rule.good), [], "{} finds something in its good example", rule.id);
        }
    }

    #[test]
    fn every_rule_is_written_as_the_others_are() {
        for rule in RULES {
            assert!(
                rule.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
                "{}",
                rule.id
            );
            assert!(
                !rule.summary.ends_with('.')
                    && (!rule.summary.starts_with(char::is_uppercase) || rule.summary.starts_with("CPU")),
                "{}",
                rule.id
            );
            assert!(
                !rule.impact.is_empty() && !rule.impact.ends_with('.') && !rule.impact.starts_with(char::is_uppercase),
                "{}",
                rule.id
            );
            assert!(rule.why.ends_with('.') && rule.fix.ends_with('.') && !rule.references.is_empty(), "{}", rule.id);
        }
    }

    #[test]
    fn list_and_folder_agree() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules");
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let files: BTreeSet<String> = names.filter(|name| name != "mod.rs" && name.ends_with(".rs")).collect();
        let listed: BTreeSet<String> = RULES.iter().map(|rule| format!("{}.rs", rule.id.replace('-', "_"))).collect();
        assert_eq!(files, listed);
        assert_eq!(RULES.len(), listed.len(), "an id is listed twice");
    }

    #[test]
    fn the_finding_of_every_rule_reads_well() {
        let mut all = String::new();
        for rule in RULES {
            let sources = [(FILE.to_owned(), rule.bad.to_owned())];
            let first = &found(rule, rule.bad)[..1];
            all.push_str(render(first, &sources, Format::Human, false).split("\n\n").next().unwrap());
            all.push_str("\n\n");
        }
        insta::assert_snapshot!(all);
    }
}
