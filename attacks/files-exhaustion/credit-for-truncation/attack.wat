;; Claims a large file and cuts it again, over and over, and fills another file after each.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $fd_filestat_set_size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 64) "claim")

  ;; Opens a file below the grant to read and write, in a way to be given, and answers with its descriptor, or -1.
  (func $open (param $path i32) (param $len i32) (param $how i32) (result i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (local.get $path) (local.get $len) (local.get $how)
          (i64.const 66) (i64.const 66) (i32.const 0) (i32.const 900))
      (then (return (i32.const -1))))
    (i32.load (i32.const 900)))

  ;; Puts the name of a number, two letters, at 0.
  (func $name (param $number i32)
    (i32.store8 (i32.const 0) (i32.add (i32.const 97) (i32.div_u (local.get $number) (i32.const 20))))
    (i32.store8 (i32.const 1) (i32.add (i32.const 97) (i32.rem_u (local.get $number) (i32.const 20)))))

  ;; Writes blocks of 64 KiB to a descriptor and answers how many went through.
  (func $blocks (param $fd i32) (param $blocks i32) (result i32) (local $done i32)
    (memory.fill (i32.const 65536) (i32.const 90) (i32.const 65536))
    (loop $next
      (i64.store (i32.const 904) (i64.const 0x1_0000_0001_0000))
      (if (i32.eqz (call $fd_write (local.get $fd) (i32.const 904) (i32.const 1) (i32.const 912)))
        (then
          (local.set $done (i32.add (local.get $done) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $done) (local.get $blocks))))))
    (local.get $done))

  (func (export "_start") (local $claim i32) (local $i i32) (local $fill i32)
    (local.set $claim (call $open (i32.const 64) (i32.const 5) (i32.const 1)))
    (loop $next
      (drop (call $fd_filestat_set_size (local.get $claim) (i64.const 0x10_0000)))
      (drop (call $fd_filestat_set_size (local.get $claim) (i64.const 0)))
      (call $name (local.get $i))
      (local.set $fill (call $open (i32.const 0) (i32.const 2) (i32.const 1)))
      (drop (call $blocks (local.get $fill) (i32.const 4)))
      (drop (call $fd_close (local.get $fill)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 40))))))
