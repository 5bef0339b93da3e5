;; Waits on as many clocks that fire in a millisecond.
(module
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)

  ;; The marker: the nonce, which is the first argument, reversed on standard output.
  (func $mark (local $i i32)
    (drop (call $args_get (i32.const 1024) (i32.const 2048)))
    (loop $next
      (i32.store8 (i32.sub (i32.const 1015) (local.get $i)) (i32.load8_u (i32.add (i32.load (i32.const 1028)) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 16))))
    (i64.store (i32.const 984) (i64.const 0x10_0000_03e8))
    (drop (call $fd_write (i32.const 1) (i32.const 984) (i32.const 1) (i32.const 992))))

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
    (if (call $wait (i32.const {{count}}) (i32.const 1) (i64.const 1_000_000) (i32.const 0)) (then (call $proc_exit (i32.const 1))))
    (if (i32.eqz (i32.load (i32.const 640))) (then (call $proc_exit (i32.const 1))))
    (call $mark)))
