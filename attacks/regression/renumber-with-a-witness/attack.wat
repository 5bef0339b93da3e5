;; Renumbers a descriptor onto one that was closed, and opens two files: the free list of the host's table no longer fits it.
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
    (call $open)
    (drop (call $fd_close (i32.load (i32.const 900))))
    (drop (call $fd_renumber (i32.const 2) (i32.load (i32.const 900))))
    (call $open)
    (call $open)))
