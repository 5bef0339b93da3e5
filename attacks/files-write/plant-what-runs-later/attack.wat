;; Writes a file beside its grant that the host's own tools will run or believe later.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{{path}}")

  ;; Opens a path below a directory for writing and writes four bytes. Answers 1 if that worked.
  (func $overwrite (param $dir i32) (param $path i32) (param $len i32) (param $oflags i32) (result i32)
    (if (call $path_open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (local.get $oflags)
          (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 900))
      (then (return (i32.const 0))))
    (i32.store (i32.const 920) (i32.const 0x4c495645))
    (i64.store (i32.const 904) (i64.const 0x4_0000_0398))
    (if (call $fd_write (i32.load (i32.const 900)) (i32.const 904) (i32.const 1) (i32.const 912)) (then (return (i32.const 0))))
    (i32.eqz (call $fd_close (i32.load (i32.const 900)))))

  (func (export "_start")
    (drop (call $overwrite (i32.const 3) (i32.const 0) (i32.const {{length}}) (i32.const 1)))))
