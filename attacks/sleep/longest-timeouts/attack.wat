;; Waits on a clock with the largest timeouts that there are.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  ;; Writes so many subscriptions of a clock from 4096 on, and waits for the first of them; events go to 40960, their number to 640.
  (func $wait (param $count i32) (param $clock i32) (param $timeout i64) (param $flags i32) (result i32) (local $i i32) (local $at i32)
    (local.set $at (i32.const 4096))
    (loop $next
      (i32.store (i32.add (local.get $at) (i32.const 16)) (local.get $clock))
      (i64.store (i32.add (local.get $at) (i32.const 24)) (local.get $timeout))
      (i32.store16 (i32.add (local.get $at) (i32.const 40)) (local.get $flags))
      (local.set $at (i32.add (local.get $at) (i32.const 48)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $count))))
    (call $poll_oneoff (i32.const 4096) (i32.const 40960) (local.get $count) (i32.const 640)))

  (func (export "_start")
    (drop (call $wait (i32.const 1) (i32.const 1) (i64.const {{timeout}}) (i32.const {{flags}})))))
