;; Renames a file there and back for ever.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_rename" (func $path_rename (param i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "a")
  (data (i32.const 16) "b")

  ;; Makes an empty file and answers 1 if that worked.
  (func $make (param $dir i32) (param $path i32) (param $len i32) (result i32)
    (if (call $path_open (local.get $dir) (i32.const 0) (local.get $path) (local.get $len) (i32.const 1)
          (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 900))
      (then (return (i32.const 0))))
    (i32.eqz (call $fd_close (i32.load (i32.const 900)))))

  (func (export "_start")
    (drop (call $make (i32.const 3) (i32.const 0) (i32.const 1)))
    (loop $again
      (drop (call $path_rename (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 3) (i32.const 16) (i32.const 1)))
      (drop (call $path_rename (i32.const 3) (i32.const 16) (i32.const 1) (i32.const 3) (i32.const 0) (i32.const 1)))
      (br $again))))
