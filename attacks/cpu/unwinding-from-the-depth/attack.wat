;; Goes two thousand frames deep once; there it throws past all of them to a handler at the bottom, and goes down again.
(module
  (memory (export "memory") 1)
  (tag $e)

  (func $down (param $n i32) (result i32)
    (if (i32.eqz (local.get $n)) (then (throw $e)))
    (i32.add (call $down (i32.sub (local.get $n) (i32.const 1))) (i32.const 1)))
  (func (export "_start")
    (loop $again
      (block $caught
        (try_table (catch $e $caught)
          (drop (call $down (i32.const 2000)))))
      (br $again))))
