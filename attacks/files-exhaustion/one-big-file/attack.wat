;; Writes 32 MiB to one file, or as much as it can.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "big.bin")

  ;; Writes blocks of 64 KiB to a new file and answers how many went through.
  (func $write (param $blocks i32) (result i32) (local $done i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 7) (i32.const 1)
          (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 900))
      (then (return (i32.const 0))))
    (memory.fill (i32.const 65536) (i32.const 90) (i32.const 65536))
    (loop $next
      (i64.store (i32.const 904) (i64.const 0x1_0000_0001_0000))
      (if (i32.eqz (call $fd_write (i32.load (i32.const 900)) (i32.const 904) (i32.const 1) (i32.const 912)))
        (then
          (local.set $done (i32.add (local.get $done) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $done) (local.get $blocks))))))
    (local.get $done))

  (func (export "_start")
    (drop (call $write (i32.const 512)))))
