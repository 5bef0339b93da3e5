//! One file a mistake: a `mod` line and an entry here; a test compares the list with the folder.

mod benign_twin_not_asked;
mod blocking_sleep;
mod call_depth_ignored;
mod cause_read_from_text;
mod clock_finer_than_granted;
mod collected_heap_uncounted;
mod compile_memory_ignored;
mod compile_unbounded;
mod connections_uncounted;
mod cpu_time_ignored;
mod crash_taken_for_containment;
mod cut_run_read_as_pass;
mod deadline_round_entry_only;
mod declared_maximum_as_limit;
mod denial_survived;
mod denial_taken_for_proof;
mod descriptors_by_index;
mod descriptors_inherited;
mod descriptors_unbounded;
mod deterministic_ignored;
mod digest_of_another_read;
mod disk_unbounded;
mod elapsed_reported_as_limit;
mod environment_inherited;
mod epoch_never_advanced;
mod exit_code_trusted;
mod features_default;
mod file_size_ignored;
mod files_unbounded;
mod fuel_not_consumed;
mod grants_by_guest_path;
mod host_errors_shown;
mod host_work_unbounded;
mod instance_reused;
mod instances_uncounted;
mod limits_per_memory;
mod links_followed;
mod live_control_not_asked;
mod memory_limiter_detached;
mod module_size_ignored;
mod naive_paths;
mod network_bytes_uncounted;
mod network_inherited;
mod output_unbounded;
mod parent_of_grant_preopened;
mod paths_compared_as_text;
mod ports_uncounted;
mod printed_word_believed;
mod random_seed_fixed;
mod raw_report;
mod read_only_as_read_write;
mod runs_nothing;
mod scratch_shared_between_runs;
mod signature_of_other_bytes;
mod signature_skipped_when_absent;
mod sock_open_offered;
mod special_files_opened;
mod stack_larger_than_thread;
mod stack_limit_ignored;
mod stderr_unbounded;
mod stdin_inherited;
mod streams_inherited;
mod tables_unlimited;
mod thread_abandoned;
mod timeout_round_synchronous_call;
mod unknown_imports_stubbed;
mod unmeasured_read_as_zero;
mod watchdog_taken_for_limit;
mod zero_is_no_limit;

use crate::Mistake;

/// Every mistake, in the order of the list of mistakes to catch.
pub(crate) const MISTAKES: &[Mistake] = &[
    timeout_round_synchronous_call::MISTAKE,
    epoch_never_advanced::MISTAKE,
    thread_abandoned::MISTAKE,
    deadline_round_entry_only::MISTAKE,
    compile_unbounded::MISTAKE,
    compile_memory_ignored::MISTAKE,
    fuel_not_consumed::MISTAKE,
    denial_taken_for_proof::MISTAKE,
    memory_limiter_detached::MISTAKE,
    cpu_time_ignored::MISTAKE,
    call_depth_ignored::MISTAKE,
    stack_limit_ignored::MISTAKE,
    module_size_ignored::MISTAKE,
    limits_per_memory::MISTAKE,
    tables_unlimited::MISTAKE,
    collected_heap_uncounted::MISTAKE,
    declared_maximum_as_limit::MISTAKE,
    stack_larger_than_thread::MISTAKE,
    streams_inherited::MISTAKE,
    stdin_inherited::MISTAKE,
    descriptors_inherited::MISTAKE,
    environment_inherited::MISTAKE,
    parent_of_grant_preopened::MISTAKE,
    read_only_as_read_write::MISTAKE,
    naive_paths::MISTAKE,
    paths_compared_as_text::MISTAKE,
    links_followed::MISTAKE,
    special_files_opened::MISTAKE,
    network_inherited::MISTAKE,
    connections_uncounted::MISTAKE,
    network_bytes_uncounted::MISTAKE,
    ports_uncounted::MISTAKE,
    sock_open_offered::MISTAKE,
    output_unbounded::MISTAKE,
    stderr_unbounded::MISTAKE,
    features_default::MISTAKE,
    digest_of_another_read::MISTAKE,
    exit_code_trusted::MISTAKE,
    printed_word_believed::MISTAKE,
    cause_read_from_text::MISTAKE,
    instance_reused::MISTAKE,
    scratch_shared_between_runs::MISTAKE,
    clock_finer_than_granted::MISTAKE,
    random_seed_fixed::MISTAKE,
    deterministic_ignored::MISTAKE,
    host_errors_shown::MISTAKE,
    raw_report::MISTAKE,
    descriptors_unbounded::MISTAKE,
    file_size_ignored::MISTAKE,
    disk_unbounded::MISTAKE,
    files_unbounded::MISTAKE,
    host_work_unbounded::MISTAKE,
    instances_uncounted::MISTAKE,
    unknown_imports_stubbed::MISTAKE,
    blocking_sleep::MISTAKE,
    denial_survived::MISTAKE,
    zero_is_no_limit::MISTAKE,
    cut_run_read_as_pass::MISTAKE,
    runs_nothing::MISTAKE,
    benign_twin_not_asked::MISTAKE,
    unmeasured_read_as_zero::MISTAKE,
    elapsed_reported_as_limit::MISTAKE,
    grants_by_guest_path::MISTAKE,
    signature_skipped_when_absent::MISTAKE,
    signature_of_other_bytes::MISTAKE,
    descriptors_by_index::MISTAKE,
    live_control_not_asked::MISTAKE,
    crash_taken_for_containment::MISTAKE,
    watchdog_taken_for_limit::MISTAKE,
];
