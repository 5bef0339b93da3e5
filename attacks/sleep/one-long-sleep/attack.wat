;; Waits on a clock that fires in an hour or in a century.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  ;; A subscription of the monotonic clock at 512; its event goes to 576, the number of events to 640.
  (func $sleep (param $timeout i64) (param $flags i32) (result i32)
    (i32.store (i32.const 528) (i32.const 1))
    (i64.store (i32.const 536) (local.get $timeout))
    (i32.store16 (i32.const 552) (local.get $flags))
    (call $poll_oneoff (i32.const 512) (i32.const 576) (i32.const 1) (i32.const 640)))

  (func (export "_start")
    (drop (call $sleep (i64.const {{timeout}}) (i32.const {{flags}})))))
