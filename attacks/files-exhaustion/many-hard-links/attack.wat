;; Links one file under four hundred names.
(module
  (import "wasi_snapshot_preview1" "path_link" (func $path_link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "aainput.txt")

  ;; Links `input.txt` under the two letters at 0 and answers whether that worked.
  (func $make (result i32)
    (i32.eqz (call $path_link (i32.const 3) (i32.const 0) (i32.const 2) (i32.const 9) (i32.const 3) (i32.const 0) (i32.const 2))))

  (func (export "_start") (local $i i32)
    (loop $next
      (i32.store8 (i32.const 0) (i32.add (i32.const 97) (i32.div_u (local.get $i) (i32.const 20))))
      (i32.store8 (i32.const 1) (i32.add (i32.const 97) (i32.rem_u (local.get $i) (i32.const 20))))
      (drop (call $make))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 400))))))
