;; Writes over a file of the first of two granted directories, which is read-only. The second has the same name and is not.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "input.txt")

  ;; Opens the file of a directory for writing and writes four bytes over its start.
  (func $overwrite (param $dir i32)
    (if (call $path_open (local.get $dir) (i32.const 1) (i32.const 0) (i32.const 9) (i32.const 0)
          (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 900))
      (then (return)))
    (i32.store (i32.const 920) (i32.const 0x4c495645))
    (i64.store (i32.const 904) (i64.const 0x4_0000_0398))
    (drop (call $fd_write (i32.load (i32.const 900)) (i32.const 904) (i32.const 1) (i32.const 912)))
    (drop (call $fd_close (i32.load (i32.const 900)))))

  (func (export "_start")
    (call $overwrite (i32.const 3))))
