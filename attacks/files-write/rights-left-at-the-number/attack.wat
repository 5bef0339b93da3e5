;; Moves a descriptor of the read-only grant to the number of one that may write, and writes by that number.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "input.txt")
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

  (func (export "_start") (local $file i32)
    ;; A file that may be written to, and one of the read-only grant put in its place.
    (drop (call $path_open (i32.const 4) (i32.const 0) (i32.const 64) (i32.const 3) (i32.const 1)
          (i64.const 66) (i64.const 66) (i32.const 0) (i32.const 900)))
    (local.set $file (i32.load (i32.const 900)))
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0)
          (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 900)))
    (drop (call $fd_renumber (i32.load (i32.const 900)) (local.get $file)))
    (i64.store (i32.const 880) (i64.const 0x4_0000_0000))
    (drop (call $fd_write (local.get $file) (i32.const 880) (i32.const 1) (i32.const 912)))
    ;; The same with the directories.
    (drop (call $fd_renumber (i32.const 3) (i32.const 4)))
    (drop (call $overwrite (i32.const 4) (i32.const 0) (i32.const 9) (i32.const 0)))))
