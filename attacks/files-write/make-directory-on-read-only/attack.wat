;; Makes a directory in a grant that is for reading.
(module
  (import "wasi_snapshot_preview1" "path_create_directory" (func $path_create_directory (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "evil")

  (func (export "_start")
    (drop (call $path_create_directory (i32.const 3) (i32.const 0) (i32.const 4)))))
