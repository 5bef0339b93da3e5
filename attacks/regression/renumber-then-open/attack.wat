;; Renumbers a directory onto itself, onto a number that was closed and onto the highest one, and opens a file after each.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "input.txt")

  (func $open
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0)
      (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 900))))
  (func (export "_start")
    (drop (call $fd_renumber (i32.const 3) (i32.const 3)))
    (call $open)
    (drop (call $fd_close (i32.load (i32.const 900))))
    (drop (call $fd_renumber (i32.const 2) (i32.load (i32.const 900))))
    (call $open)
    (call $open)
    (drop (call $fd_renumber (i32.const 3) (i32.const 0x7fffffff)))
    (call $open)))
