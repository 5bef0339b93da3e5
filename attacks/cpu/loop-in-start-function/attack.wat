;; Yields to the host for ever in the start function; the entry is never reached. The host calls keep the fuel down.
(module
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (memory (export "memory") 1)

  (func $spin
    (loop $again
      (drop (call $sched_yield))
      (br $again)))
  (start $spin)
  (func (export "_start")))
