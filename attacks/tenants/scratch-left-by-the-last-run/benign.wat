;; Makes a file in the scratch directory and finds it again in the same run.
(module
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "mine")

  ;; The marker: the nonce, which is the first argument, reversed on standard output.
  (func $mark (local $i i32)
    (drop (call $args_get (i32.const 1024) (i32.const 2048)))
    (loop $next
      (i32.store8 (i32.sub (i32.const 1015) (local.get $i)) (i32.load8_u (i32.add (i32.load (i32.const 1028)) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 16))))
    (i64.store (i32.const 984) (i64.const 0x10_0000_03e8))
    (drop (call $fd_write (i32.const 1) (i32.const 984) (i32.const 1) (i32.const 992))))

  (func $open (param $oflags i32) (param $rights i64) (result i32)
    (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 4) (local.get $oflags)
      (local.get $rights) (local.get $rights) (i32.const 0) (i32.const 900)))

  (func (export "_start")
    (if (call $open (i32.const 1) (i64.const 64)) (then (call $proc_exit (i32.const 1))))
    (drop (call $fd_close (i32.load (i32.const 900))))
    (if (call $open (i32.const 0) (i64.const 2)) (then (call $proc_exit (i32.const 1))))
    (call $mark)))
