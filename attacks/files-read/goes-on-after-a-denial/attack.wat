;; Asks for a path outside the grant and writes a line for each denial.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "../outside/secret.txt")

  (func (export "_start") (local $i i32)
    (loop $next
      (drop (call $path_open (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 21) (i32.const 0)
        (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 900)))
      (i64.store (i32.const 904) (i64.const 0x40_0000_0000))
      (drop (call $fd_write (i32.const 1) (i32.const 904) (i32.const 1) (i32.const 912)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 100))))))
