;; Reads from every descriptor number up to 63 and prints what comes out.
(module
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  (func (export "_start") (local $fd i32)
    (local.set $fd (i32.const 3))
    (loop $next
      (i64.store (i32.const 904) (i64.const 0x1000_0000_1000))
      (if (i32.eqz (call $fd_read (local.get $fd) (i32.const 904) (i32.const 1) (i32.const 912)))
        (then
          (i32.store (i32.const 908) (i32.load (i32.const 912)))
          (drop (call $fd_write (i32.const 1) (i32.const 904) (i32.const 1) (i32.const 912)))))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $fd) (i32.const 64))))))
