;; Prints a line of 300 KiB without an end.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 6)

  (func (export "_start")
    (memory.fill (i32.const 65536) (i32.const 34) (i32.const 307200))
    (i64.store (i32.const 904) (i64.const 0x4_b000_0001_0000))
    (drop (call $fd_write (i32.const {{fd}}) (i32.const 904) (i32.const 1) (i32.const 912)))
    (i64.store (i32.const 904) (i64.const 0x4_b000_0001_0000))
    (drop (call $fd_write (i32.const {{fd}}) (i32.const 904) (i32.const 1) (i32.const 912)))))
