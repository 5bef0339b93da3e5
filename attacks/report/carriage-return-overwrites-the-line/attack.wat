;; Prints a carriage return and, behind it, a line that states a result.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{{text}}")

  (func (export "_start")
    (i32.store (i32.const 904) (i32.const 0))
    (i32.store (i32.const 908) (i32.const {{length}}))
    (drop (call $fd_write (i32.const 1) (i32.const 904) (i32.const 1) (i32.const 912)))))
