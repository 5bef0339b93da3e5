;; Opens the same file, asks for its size and reads its first word.
(module
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_get" (func $fd_filestat_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
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

  (data (i32.const 64) "input.txt")
  ;; A list of one buffer of four bytes.
  (data (i32.const 8) "\00\02\00\00\04\00\00\00")
  (func (export "_start")
    (if (block (result i32)
            (if (call $path_open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 9) (i32.const 0) (i64.const 0x20_0026) (i64.const 0) (i32.const 0) (i32.const 16))
              (then (call $proc_exit (i32.const 2))))
            (if (call $fd_filestat_get (i32.load (i32.const 16)) (i32.const 256))
              (then (call $proc_exit (i32.const 3))))
            (if (call $fd_read (i32.load (i32.const 16)) (i32.const 8) (i32.const 1) (i32.const 20))
              (then (call $proc_exit (i32.const 4))))
            ;; Thirteen bytes, of which the first are `beni`.
            (i32.and
              (i64.eq (i64.load (i32.const 288)) (i64.const 13))
              (i32.eq (i32.load (i32.const 512)) (i32.const 0x696e6562))))
      (then (call $mark))
      (else (call $proc_exit (i32.const 1))))))
