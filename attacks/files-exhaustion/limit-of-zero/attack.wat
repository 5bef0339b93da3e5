;; Makes twenty files in a granted directory.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (memory (export "memory") 1)

  ;; Makes an empty file under the letter at 0 and answers whether that worked.
  (func $make (result i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 5)
          (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 900))
      (then (return (i32.const 0))))
    (i32.eqz (call $fd_close (i32.load (i32.const 900)))))

  (func (export "_start") (local $i i32)
    (loop $next
      (i32.store8 (i32.const 0) (i32.add (i32.const 97) (local.get $i)))
      (drop (call $make))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 20))))))
