;; Reads a file inside its grant.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "input.txt")

  ;; Whether a file below a directory can be opened and has something in it.
  (func $reads (param $dir i32) (param $path i32) (param $len i32) (result i32)
    (i64.store (i32.const 904) (i64.const 0x1000_0000_1000))
    (if (call $path_open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (i32.const 0)
          (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 900))
      (then (return (i32.const 0))))
    (if (call $fd_read (i32.load (i32.const 900)) (i32.const 904) (i32.const 1) (i32.const 912)) (then (return (i32.const 0))))
    (i32.and (i32.gt_u (i32.load (i32.const 912)) (i32.const 0)) (i32.eqz (call $fd_close (i32.load (i32.const 900))))))

  ;; The marker: the nonce, which is the first argument, reversed on standard output.
  (func $mark (local $i i32)
    (drop (call $args_get (i32.const 1024) (i32.const 2048)))
    (loop $next
      (i32.store8 (i32.sub (i32.const 1015) (local.get $i)) (i32.load8_u (i32.add (i32.load (i32.const 1028)) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 16))))
    (i64.store (i32.const 984) (i64.const 0x10_0000_03e8))
    (drop (call $fd_write (i32.const 1) (i32.const 984) (i32.const 1) (i32.const 992))))

  (func (export "_start")
    (if (call $reads (i32.const 3) (i32.const 0) (i32.const 9))
      (then (call $mark))
      (else (call $proc_exit (i32.const 1))))))
