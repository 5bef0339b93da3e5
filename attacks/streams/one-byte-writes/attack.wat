;; Writes forty thousand single bytes to standard output.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) ".")

  (func (export "_start") (local $left i32)
    (i64.store (i32.const 904) (i64.const 0x1_0000_0000))
    (local.set $left (i32.const 40_000))
    (loop $next
      (if (call $fd_write (i32.const 1) (i32.const 904) (i32.const 1) (i32.const 912)) (then (return)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))))
