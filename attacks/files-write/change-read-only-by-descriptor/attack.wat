;; Opens a file of a read-only grant for writing or, where that is denied, for reading, and changes it by the descriptor.
(module
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $fd_filestat_set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_times" (func $fd_filestat_set_times (param i32 i64 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "input.txt")

  ;; Opens the file with the most rights that it gets, and answers with the descriptor.
  (func $any (result i32)
    (if (i32.eqz (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0)
          (i64.const 66) (i64.const 66) (i32.const 0) (i32.const 900)))
      (then (return (i32.load (i32.const 900)))))
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0)
          (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 900)))
    (i32.load (i32.const 900)))

  (func (export "_start") (local $fd i32)
    (i64.store (i32.const 880) (i64.const 0x4_0000_0000))
    (local.set $fd (call $any))
    (drop {{call}})))
