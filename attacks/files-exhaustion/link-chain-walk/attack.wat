;; Makes a chain of twenty links and has it walked for ever.
(module
  (import "wasi_snapshot_preview1" "path_symlink" (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "a")
  (data (i32.const 64) "input.txt")

  (func (export "_start") (local $i i32)
    (drop (call $path_symlink (i32.const 64) (i32.const 9) (i32.const 3) (i32.const 0) (i32.const 1)))
    (loop $next
      (i32.store8 (i32.const 32) (i32.load8_u (i32.const 0)))
      (i32.store8 (i32.const 0) (i32.add (i32.load8_u (i32.const 0)) (i32.const 1)))
      (drop (call $path_symlink (i32.const 32) (i32.const 1) (i32.const 3) (i32.const 0) (i32.const 1)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 19))))
    (loop $again
      (drop (call $path_filestat_get (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 800)))
      (br $again))))
