;; Waits for a hundredth of a second, again and again, in the start function; the entry is never reached. Waiting takes no fuel.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  (func $spin
    ;; A relative timer of the monotonic clock.
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 10_000_000))
    (loop $again
      (drop (call $poll_oneoff (i32.const 0) (i32.const 104) (i32.const 1) (i32.const 200)))
      (br $again)))
  (start $spin)
  (func (export "_start")))
