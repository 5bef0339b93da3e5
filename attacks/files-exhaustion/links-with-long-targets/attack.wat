;; Makes four hundred symbolic links whose targets take a block each.
(module
  (import "wasi_snapshot_preview1" "path_symlink" (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")

  ;; Puts the name of a number, two letters, at 0.
  (func $name (param $number i32)
    (i32.store8 (i32.const 0) (i32.add (i32.const 97) (i32.div_u (local.get $number) (i32.const 20))))
    (i32.store8 (i32.const 1) (i32.add (i32.const 97) (i32.rem_u (local.get $number) (i32.const 20)))))

  (func (export "_start") (local $i i32)
    (loop $next
      (call $name (local.get $i))
      (drop (call $path_symlink (i32.const 64) (i32.const 200) (i32.const 3) (i32.const 0) (i32.const 2)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 400))))))
