;; Empties its grant and takes the granted directory itself away.
(module
  (import "wasi_snapshot_preview1" "path_rename" (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory" (func $path_remove_directory (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "input.txt")
  (data (i32.const 16) "sub")
  (data (i32.const 32) "../granted")
  (data (i32.const 64) "../gone")

  (func (export "_start")
    (drop (call $path_unlink_file (i32.const 3) (i32.const 0) (i32.const 9)))
    (drop (call $path_remove_directory (i32.const 3) (i32.const 16) (i32.const 3)))
    (drop {{call}})))
