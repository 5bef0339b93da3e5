;; Deletes a file beside its grant.
(module
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "../outside/secret.txt")

  (func (export "_start")
    (drop (call $path_unlink_file (i32.const 3) (i32.const 0) (i32.const 21)))))
