;; Prints letters, and a sequence that a terminal acts upon just where text is cut that is longer than 2048 bytes.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{{text}}")

  (func (export "_start")
    (memory.fill (i32.const 4096) (i32.const 46) (i32.const 4096))
    (memory.copy (i32.add (i32.const 4096) (i32.const {{at}})) (i32.const 0) (i32.const {{length}}))
    (i64.store (i32.const 904) (i64.const 0x1000_0000_1000))
    (drop (call $fd_write (i32.const 1) (i32.const 904) (i32.const 1) (i32.const 912)))))
