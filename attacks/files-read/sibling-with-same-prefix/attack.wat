;; Holds the directory `out` and reads a secret in the directory `outside` beside it.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "../outside/secret.txt")

  ;; Opens a path below a directory for reading and copies what comes out to standard output. Answers with the bytes it read.
  (func $leak (param $dir i32) (param $path i32) (param $len i32) (result i32)
    (i32.store (i32.const 912) (i32.const 0))
    (if (i32.eqz (call $path_open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (i32.const 0)
          (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 900)))
      (then
        (i64.store (i32.const 904) (i64.const 0x1000_0000_1000))
        (drop (call $fd_read (i32.load (i32.const 900)) (i32.const 904) (i32.const 1) (i32.const 912)))
        (i32.store (i32.const 908) (i32.load (i32.const 912)))
        (drop (call $fd_write (i32.const 1) (i32.const 904) (i32.const 1) (i32.const 912)))
        (drop (call $fd_close (i32.load (i32.const 900))))))
    (i32.load (i32.const 912)))

  (func (export "_start")
    (drop (call $leak (i32.const 3) (i32.const 0) (i32.const 21)))))
