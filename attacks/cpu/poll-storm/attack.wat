;; Subscribes to four hundred timers that are over at once, for ever.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 3)

  (func (export "_start")
    ;; A subscription of nothing but zeroes is a relative timer of the real-time clock that is over at once.
    (loop $again
      (drop (call $poll_oneoff (i32.const 4096) (i32.const 65536) (i32.const 400) (i32.const 900)))
      (br $again))))
