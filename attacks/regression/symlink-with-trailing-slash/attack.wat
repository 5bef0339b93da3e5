;; Opens a planted link that leads out of the grant with a slash behind its name, and a secret below what it got.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "lnk/")
  (data (i32.const 16) "secret.txt")

  ;; Opens a path below a directory and answers with its descriptor, or -1.
  (func $open (param $dir i32) (param $path i32) (param $len i32) (param $oflags i32) (result i32)
    (if (call $path_open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (local.get $oflags)
          (i64.const 0x4002) (i64.const 0x4002) (i32.const 0) (i32.const 900))
      (then (return (i32.const -1))))
    (i32.load (i32.const 900)))
  (func (export "_start") (local $file i32)
    (local.set $file
      (call $open (call $open (i32.const 3) (i32.const 0) (i32.const 4) (i32.const 2)) (i32.const 16) (i32.const 10) (i32.const 0)))
    (i64.store (i32.const 904) (i64.const 0x1000_0000_1000))
    (drop (call $fd_read (local.get $file) (i32.const 904) (i32.const 1) (i32.const 912)))
    (i32.store (i32.const 908) (i32.load (i32.const 912)))
    (drop (call $fd_write (i32.const 1) (i32.const 904) (i32.const 1) (i32.const 912)))))
