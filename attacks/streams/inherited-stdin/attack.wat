;; Copies standard input to standard output.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  (func (export "_start")
    (i64.store (i32.const 904) (i64.const 0x1000_0000_1000))
    (drop (call $fd_read (i32.const 0) (i32.const 904) (i32.const 1) (i32.const 912)))
    (i32.store (i32.const 908) (i32.load (i32.const 912)))
    (drop (call $fd_write (i32.const 1) (i32.const 904) (i32.const 1) (i32.const 912)))))
