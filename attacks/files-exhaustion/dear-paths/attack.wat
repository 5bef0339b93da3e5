;; Asks for a path that is very long for ever.
(module
  (import "wasi_snapshot_preview1" "path_filestat_get" (func $path_filestat_get (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 18)

  (func (export "_start") (local $i i32)
    (loop $next
      (i32.store16 (i32.add (i32.const 65536) (local.get $i)) (i32.const 0x2f2e))
      (local.set $i (i32.add (local.get $i) (i32.const 2)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const {{length}}))))
    (loop $again
      (drop (call $path_filestat_get (i32.const 3) (i32.const 1) (i32.const 65536) (i32.const {{length}}) (i32.const 800)))
      (br $again))))
