;; Asks for every right there is, on a file and on a directory, raises them further and writes through both.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_fdstat_set_rights" (func $fd_fdstat_set_rights (param i32 i64 i64) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "input.txt")
  (data (i32.const 32) "sub")
  (data (i32.const 64) "new")

  ;; Opens a path below a directory for writing and writes four bytes. Answers 1 if that worked.
  (func $overwrite (param $dir i32) (param $path i32) (param $len i32) (param $oflags i32) (result i32)
    (if (call $path_open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (local.get $oflags)
          (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 900))
      (then (return (i32.const 0))))
    (i32.store (i32.const 920) (i32.const 0x4c495645))
    (i64.store (i32.const 904) (i64.const 0x4_0000_0398))
    (if (call $fd_write (i32.load (i32.const 900)) (i32.const 904) (i32.const 1) (i32.const 912)) (then (return (i32.const 0))))
    (i32.eqz (call $fd_close (i32.load (i32.const 900)))))

  (func (export "_start") (local $dir i32)
    (if (i32.eqz (call $path_open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 3) (i32.const 2)
          (i64.const 0x1fff_ffff) (i64.const 0x1fff_ffff) (i32.const 0) (i32.const 900)))
      (then
        (local.set $dir (i32.load (i32.const 900)))
        (drop (call $fd_fdstat_set_rights (local.get $dir) (i64.const 0x1fff_ffff) (i64.const 0x1fff_ffff)))
        (drop (call $overwrite (local.get $dir) (i32.const 64) (i32.const 3) (i32.const 1)))))
    (drop (call $fd_fdstat_set_rights (i32.const 3) (i64.const 0x1fff_ffff) (i64.const 0x1fff_ffff)))
    (drop (call $overwrite (i32.const 3) (i32.const 0) (i32.const 9) (i32.const 0)))))
