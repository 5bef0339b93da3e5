;; Writes 64 KiB into each of two grants.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "a")

  ;; Makes a file in a grant and writes 64 KiB to it.
  (func $fill (param $grant i32) (result i32)
    (if (call $path_open (local.get $grant) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 1)
          (i64.const 66) (i64.const 66) (i32.const 0) (i32.const 900))
      (then (return (i32.const 0))))
    (call $blocks (i32.load (i32.const 900)) (i32.const 1)))

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

  ;; The marker: the nonce, which is the first argument, reversed on standard output.
  (func $mark (local $i i32)
    (drop (call $args_get (i32.const 1024) (i32.const 2048)))
    (loop $next
      (i32.store8 (i32.sub (i32.const 1015) (local.get $i)) (i32.load8_u (i32.add (i32.load (i32.const 1028)) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 16))))
    (i64.store (i32.const 984) (i64.const 0x10_0000_03e8))
    (drop (call $fd_write (i32.const 1) (i32.const 984) (i32.const 1) (i32.const 992))))

  (func (export "_start")
    (if (i32.eq (i32.add (call $fill (i32.const 3)) (call $fill (i32.const 4))) (i32.const 2))
      (then (call $mark))
      (else (call $proc_exit (i32.const 1))))))
