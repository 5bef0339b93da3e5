;; An interpreter of four operations whose program jumps back to its beginning: every way back to the loop is a `br_table`.
(module
  (memory (export "memory") 1)
  (data (i32.const 0) "\00\01\02\01\00\03")

  (func (export "_start") (local $at i32) (local $value i32)
    (loop $next
      (block $three
        (block $two
          (block $one
            (block $zero
              (br_table $zero $one $two $three $next (i32.load8_u (local.get $at))))
            (local.set $value (i32.add (local.get $value) (i32.const 3)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_table $next (i32.const 0)))
          (local.set $value (i32.mul (local.get $value) (i32.const 5)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br_table $next (i32.const 0)))
        (local.set $value (i32.xor (local.get $value) (i32.const -1)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_table $next (i32.const 0)))
      (local.set $at (i32.const 0))
      (br_table $next (i32.const 0)))))
