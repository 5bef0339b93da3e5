;; Opens the parent of its grant and lists it, then as if it held the parent, and gives the marker at the name of a secret's directory.
(module
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_readdir" (func $fd_readdir (param i32 i32 i32 i64 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "{{path}}")
  (data (i32.const 32) "outside")

  ;; Lists a directory and gives the marker if the name at 32 is in it.
  (func $list (param $dir i32) (local $at i32) (local $end i32)
    (if (call $fd_readdir (local.get $dir) (i32.const 8192) (i32.const 8192) (i64.const 0) (i32.const 912)) (then (return)))
    (local.set $at (i32.const 8192))
    (local.set $end (i32.add (i32.load (i32.const 912)) (i32.const 8192)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (i32.add (local.get $at) (i32.const 32)) (local.get $end)))
        (if (i32.and
              (i32.eq (i32.load offset=16 (local.get $at)) (i32.const 7))
              (i32.eq (i32.load offset=24 (local.get $at)) (i32.load (i32.const 32))))
          (then (call $mark) (return)))
        (local.set $at (i32.add (i32.add (local.get $at) (i32.const 24)) (i32.load offset=16 (local.get $at))))
        (br $next))))

  ;; The marker: the nonce, which is the first argument, reversed on standard output.
  (func $mark (local $i i32)
    (drop (call $args_get (i32.const 1024) (i32.const 2048)))
    (loop $next
      (i32.store8 (i32.sub (i32.const 1015) (local.get $i)) (i32.load8_u (i32.add (i32.load (i32.const 1028)) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 16))))
    (i64.store (i32.const 984) (i64.const 0x10_0000_03e8))
    (drop (call $fd_write (i32.const 1) (i32.const 984) (i32.const 1) (i32.const 992))))

  ;; Opens a directory below a directory and answers with its descriptor, or -1.
  (func $directory (param $dir i32) (param $path i32) (param $len i32) (result i32)
    (if (call $path_open (local.get $dir) (i32.const 1) (local.get $path) (local.get $len) (i32.const 2)
          (i64.const 0x4000) (i64.const 2) (i32.const 0) (i32.const 900))
      (then (return (i32.const -1))))
    (i32.load (i32.const 900)))

  (func (export "_start") (local $dir i32)
    (local.set $dir (call $directory (i32.const 3) (i32.const 0) (i32.const {{length}})))
    (if (i32.ne (local.get $dir) (i32.const -1)) (then (call $list (local.get $dir))))
    (call $list (i32.const 3))))
