;; Prints the first byte of a sequence, and then the rest of it.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{{first}}")
  (data (i32.const 64) "{{second}}")

  (func (export "_start")
    (i64.store (i32.const 904) (i64.const 0x1_0000_0000))
    (drop (call $fd_write (i32.const 1) (i32.const 904) (i32.const 1) (i32.const 912)))
    (i64.store (i32.const 904) (i64.const 0xf_0000_0040))
    (drop (call $fd_write (i32.const 1) (i32.const 904) (i32.const 1) (i32.const 912)))))
