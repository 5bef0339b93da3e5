;; Writes a little under the limit into each of four grants.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "a")

  ;; Makes a file in a grant, writes so many blocks of 64 KiB to it and answers how many went through.
  (func $fill (param $grant i32) (param $blocks i32) (result i32)
    (if (call $path_open (local.get $grant) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1)
          (i64.const 66) (i64.const 66) (i32.const 0) (i32.const 900))
      (then (return (i32.const 0))))
    (call $blocks (i32.load (i32.const 900)) (local.get $blocks)))

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

  (func (export "_start") (local $grant i32)
    (local.set $grant (i32.const 3))
    (loop $next
      (drop (call $fill (local.get $grant) (i32.const 15)))
      (local.set $grant (i32.add (local.get $grant) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $grant) (i32.const 7))))))
