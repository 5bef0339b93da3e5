//! One file a mistake: a `mod` line and an entry here; a test compares the list with the folder.

mod blocking_sleep;
mod clock_finer_than_granted;
mod compile_unbounded;
mod connections_uncounted;
mod cpu_time_ignored;
mod deadline_round_entry_only;
mod denial_survived;
mod descriptors_inherited;
mod descriptors_unbounded;
mod disk_unbounded;
mod environment_inherited;
mod epoch_never_advanced;
mod exit_code_trusted;
mod features_default;
mod file_size_ignored;
mod files_unbounded;
mod fuel_not_consumed;
mod host_work_unbounded;
mod limits_per_memory;
mod memory_limiter_detached;
mod module_size_ignored;
mod naive_paths;
mod network_bytes_uncounted;
mod network_inherited;
mod output_unbounded;
mod parent_of_grant_preopened;
mod ports_uncounted;
mod raw_report;
mod read_only_as_read_write;
mod runs_nothing;
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

use crate::Mistake;

/// Every mistake, in the order of the list of mistakes to catch.
pub(crate) const MISTAKES: &[Mistake] = &[
    timeout_round_synchronous_call::MISTAKE,
    epoch_never_advanced::MISTAKE,
    thread_abandoned::MISTAKE,
    deadline_round_entry_only::MISTAKE,
    compile_unbounded::MISTAKE,
    fuel_not_consumed::MISTAKE,
    memory_limiter_detached::MISTAKE,
    cpu_time_ignored::MISTAKE,
    stack_limit_ignored::MISTAKE,
    module_size_ignored::MISTAKE,
    limits_per_memory::MISTAKE,
    tables_unlimited::MISTAKE,
    stack_larger_than_thread::MISTAKE,
    streams_inherited::MISTAKE,
    stdin_inherited::MISTAKE,
    descriptors_inherited::MISTAKE,
    environment_inherited::MISTAKE,
    parent_of_grant_preopened::MISTAKE,
    read_only_as_read_write::MISTAKE,
    naive_paths::MISTAKE,
    special_files_opened::MISTAKE,
    network_inherited::MISTAKE,
    connections_uncounted::MISTAKE,
    network_bytes_uncounted::MISTAKE,
    ports_uncounted::MISTAKE,
    sock_open_offered::MISTAKE,
    output_unbounded::MISTAKE,
    stderr_unbounded::MISTAKE,
    features_default::MISTAKE,
    exit_code_trusted::MISTAKE,
    clock_finer_than_granted::MISTAKE,
    raw_report::MISTAKE,
    descriptors_unbounded::MISTAKE,
    file_size_ignored::MISTAKE,
    disk_unbounded::MISTAKE,
    files_unbounded::MISTAKE,
    host_work_unbounded::MISTAKE,
    blocking_sleep::MISTAKE,
    denial_survived::MISTAKE,
    runs_nothing::MISTAKE,
];
