;; Goes through 64 MiB in an order that no cache foresees; each address needs what was loaded from the one before.
(module
  (memory (export "memory") 1024)

  (func (export "_start") (local $at i32)
    (loop $again
      (local.set $at (i32.add
        (i32.add (i32.mul (local.get $at) (i32.const 1_664_525)) (i32.const 1_013_904_223))
        (i32.load8_u (i32.and (local.get $at) (i32.const 0x3ff_ffff)))))
      (i32.store8 (i32.and (local.get $at) (i32.const 0x3ff_ffff)) (i32.const 1))
      (br $again))))
