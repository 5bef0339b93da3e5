;; Moves a file of the read-only grant into the writable one.
(module
  (import "wasi_snapshot_preview1" "path_rename" (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "input.txt")
  (data (i32.const 64) "moved.txt")

  (func (export "_start")
    (drop (call $path_rename (i32.const 3) (i32.const 0) (i32.const 9) (i32.const 4) (i32.const 64) (i32.const 9)))))
