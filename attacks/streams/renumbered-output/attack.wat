;; Gives a standard stream the number of another one, and writes to it until more than a megabyte was taken.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
  (memory (export "memory") 1)

  ;; Writes 48 KiB to a descriptor; answers whether it may.
  (func $fill (param $fd i32) (result i32)
    (i64.store (i32.const 904) (i64.const 0xc000_0000_1000))
    (call $fd_write (local.get $fd) (i32.const 904) (i32.const 1) (i32.const 912)))

  (func (export "_start") (local $left i32)
    (if (call $fd_renumber (i32.const {{from}}) (i32.const {{to}})) (then (return)))
    (memory.fill (i32.const 4096) (i32.const 46) (i32.const 49152))
    (local.set $left (i32.const 32))
    (loop $next
      (if (call $fill (i32.const {{to}})) (then (return)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))))
