;; Opens a FIFO that nobody writes to.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "mute")

  ;; Opens a path of some letters at 0 and reads up to 100 bytes of it to 4096; answers how many, or -1.
  (func $read (param $length i32) (result i32)
    (if (call $path_open (i32.const 3) (i32.const 1) (i32.const 0) (local.get $length) (i32.const 0)
          (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 900))
      (then (return (i32.const -1))))
    (i64.store (i32.const 904) (i64.const 0x64_0000_1000))
    (if (call $fd_read (i32.load (i32.const 900)) (i32.const 904) (i32.const 1) (i32.const 912)) (then (return (i32.const -1))))
    (i32.load (i32.const 912)))

  (func (export "_start")
    (drop (call $read (i32.const 4)))))
