;; Makes directories within directories, two hundred deep, going down by descriptors.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "d")

  ;; Opens a directory below a directory and answers with its descriptor, or -1.
  (func $directory (param $dir i32) (param $path i32) (param $len i32) (result i32)
    (if (call $path_open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (i32.const 2)
          (i64.const 0x4000) (i64.const 2) (i32.const 0) (i32.const 900))
      (then (return (i32.const -1))))
    (i32.load (i32.const 900)))

  (func (export "_start") (local $dir i32) (local $next i32) (local $i i32)
    (local.set $dir (i32.const 3))
    (block $done
      (loop $down
        (br_if $done (call $path_create_directory (local.get $dir) (i32.const 0) (i32.const 1)))
        (local.set $next (call $directory (local.get $dir) (i32.const 0) (i32.const 1)))
        (br_if $done (i32.eq (local.get $next) (i32.const -1)))
        (if (local.get $i) (then (drop (call $fd_close (local.get $dir)))))
        (local.set $dir (local.get $next))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $down (i32.lt_u (local.get $i) (i32.const 200)))))))
