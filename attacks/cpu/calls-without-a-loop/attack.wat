;; Calls itself twice at each of sixty levels: no loop anywhere, and a stack that is never deep.
(module
  (memory (export "memory") 1)

  (func $twice (param $n i32) (result i32)
    (if (result i32) (i32.eqz (local.get $n))
      (then (i32.const 1))
      (else (i32.add
        (call $twice (i32.sub (local.get $n) (i32.const 1)))
        (call $twice (i32.sub (local.get $n) (i32.const 1)))))))

  (func (export "_start")
    (drop (call $twice (i32.const 60)))))
