;; Writes to standard error what hosts write at a deadline, and traps.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  (data (i32.const 0) "error: deadline exceeded (timeout)\n")
  (func (export "_start")
    (i32.store (i32.const 100) (i32.const 0))
    (i32.store (i32.const 104) (i32.const 35))
    (drop (call $fd_write (i32.const 2) (i32.const 100) (i32.const 1) (i32.const 108)))
    (unreachable)))
