;; Opens a path outside of its grant whose name holds sequences that a terminal acts upon.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{{text}}")

  (func (export "_start")
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const {{length}}) (i32.const 0)
      (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 900)))))
