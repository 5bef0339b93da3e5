;; Waits for an hour in its start function; its entry does nothing.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  ;; A subscription of the monotonic clock at 512; its event goes to 576, the number of events to 640.
  (func $sleep
    (i32.store (i32.const 528) (i32.const 1))
    (i64.store (i32.const 536) (i64.const 3_600_000_000_000))
    (drop (call $poll_oneoff (i32.const 512) (i32.const 576) (i32.const 1) (i32.const 640))))
  (start $sleep)
  (func (export "_start")))
