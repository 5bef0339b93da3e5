;; Opens a file of a read-only grant with the truncation flag: asking to read only, then asking to write, too.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "input.txt")

  (func $truncate (param $rights i64)
    (drop (call $path_open (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 9) (i32.const 8)
      (local.get $rights) (local.get $rights) (i32.const 0) (i32.const 900))))
  (func (export "_start")
    (call $truncate (i64.const 2))
    (call $truncate (i64.const 66))))
