;; Opens a FIFO that somebody else writes to and prints what comes out of it.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "pipe")

  ;; Opens a path of some letters at 0 and reads up to 100 bytes of it to 4096; answers how many, or -1.
  (func $read (param $length i32) (result i32)
    (if (call $path_open (i32.const 3) (i32.const 1) (i32.const 0) (local.get $length) (i32.const 0)
          (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 900))
      (then (return (i32.const -1))))
    (i64.store (i32.const 904) (i64.const 0x64_0000_1000))
    (if (call $fd_read (i32.load (i32.const 900)) (i32.const 904) (i32.const 1) (i32.const 912)) (then (return (i32.const -1))))
    (i32.load (i32.const 912)))

  (func (export "_start") (local $read i32)
    (local.set $read (call $read (i32.const 4)))
    (if (i32.gt_s (local.get $read) (i32.const 0))
      (then
        (i32.store (i32.const 908) (local.get $read))
        (drop (call $fd_write (i32.const 1) (i32.const 904) (i32.const 1) (i32.const 912)))))))
