;; Claims a file of 128 KiB without writing to it and reads its hole for ever.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $fd_filestat_set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread" (func $fd_pread (param i32 i32 i32 i64 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "a")

  ;; Opens a file below the grant to read and write, in a way to be given, and answers with its descriptor, or -1.
  (func $open (param $path i32) (param $len i32) (param $how i32) (result i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (local.get $path) (local.get $len) (local.get $how)
          (i64.const 66) (i64.const 66) (i32.const 0) (i32.const 900))
      (then (return (i32.const -1))))
    (i32.load (i32.const 900)))

  (func (export "_start") (local $fd i32)
    (local.set $fd (call $open (i32.const 0) (i32.const 1) (i32.const 1)))
    (drop (call $fd_filestat_set_size (local.get $fd) (i64.const 0x2_0000)))
    (i64.store (i32.const 904) (i64.const 0x1_0000_0001_0000))
    (loop $again
      (drop (call $fd_pread (local.get $fd) (i32.const 904) (i32.const 1) (i64.const 4096) (i32.const 912)))
      (br $again))))
