;; Makes a name and removes it, for ever.
(module
  (import "wasi_snapshot_preview1" "path_unlink_file" (func $path_unlink_file (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_remove_directory" (func $path_remove_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_symlink" (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_link" (func $path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "input.txt")
  (data (i32.const 32) "n")

  ;; Makes an empty file and answers 1 if that worked.
  (func $make (param $dir i32) (param $path i32) (param $len i32) (result i32)
    (if (call $path_open (local.get $dir) (i32.const 0) (local.get $path) (local.get $len) (i32.const 1)
          (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 900))
      (then (return (i32.const 0))))
    (i32.eqz (call $fd_close (i32.load (i32.const 900)))))

  (func (export "_start")
    (loop $again
      {{calls}}
      (br $again))))
