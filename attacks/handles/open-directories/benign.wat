;; Opens a directory four times and lists it.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) ".")

  ;; Opens a directory below a directory and answers with its descriptor, or -1.
  (func $directory (param $dir i32) (param $path i32) (param $len i32) (result i32)
    (if (call $path_open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (i32.const 2)
          (i64.const 0x4000) (i64.const 2) (i32.const 0) (i32.const 900))
      (then (return (i32.const -1))))
    (i32.load (i32.const 900)))

  ;; The marker: the nonce, which is the first argument, reversed on standard output.
  (func $mark (local $i i32)
    (drop (call $args_get (i32.const 1024) (i32.const 2048)))
    (loop $next
      (i32.store8 (i32.sub (i32.const 1015) (local.get $i)) (i32.load8_u (i32.add (i32.load (i32.const 1028)) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 16))))
    (i64.store (i32.const 984) (i64.const 0x10_0000_03e8))
    (drop (call $fd_write (i32.const 1) (i32.const 984) (i32.const 1) (i32.const 992))))

  (func (export "_start") (local $i i32) (local $dir i32)
    (loop $next
      (local.set $dir (call $directory (i32.const 3) (i32.const 0) (i32.const 1)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 4))))
    (if (i32.and
                (i32.eqz (call $fd_readdir (local.get $dir) (i32.const 8192) (i32.const 8192) (i64.const 0) (i32.const 912)))
                (i32.gt_u (i32.load (i32.const 912)) (i32.const 48)))
      (then (call $mark))
      (else (call $proc_exit (i32.const 1))))))
