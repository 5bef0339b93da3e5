;; Reads the clock until it changes, and marks only if it changed by less than the step that was granted.
(module
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock_time_get (param i32 i64 i32) (result i32)))
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

  (func $now (param $clock i32) (result i64)
    (drop (call $clock_time_get (local.get $clock) (i64.const 1) (i32.const 0)))
    (i64.load (i32.const 0)))

  ;; The smallest step of a clock, over ten changes.
  (func $step (param $clock i32) (result i64) (local $last i64) (local $next i64) (local $least i64) (local $left i32)
    (local.set $least (i64.const 0x7fff_ffff_ffff_ffff))
    (local.set $left (i32.const 10))
    (local.set $last (call $now (local.get $clock)))
    (loop $again
      (local.set $next (call $now (local.get $clock)))
      (br_if $again (i64.eq (local.get $next) (local.get $last)))
      (if (i64.lt_u (i64.sub (local.get $next) (local.get $last)) (local.get $least))
        (then (local.set $least (i64.sub (local.get $next) (local.get $last)))))
      (local.set $last (local.get $next))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left)))
    (local.get $least))

  (func (export "_start")
    ;; The wall clock, then the monotonic one.
    (if (i32.or
          (i64.lt_u (call $step (i32.const 0)) (i64.const 900_000))
          (i64.lt_u (call $step (i32.const 1)) (i64.const 900_000)))
      (then (call $mark)))))
