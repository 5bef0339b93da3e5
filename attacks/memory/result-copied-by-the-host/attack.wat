;; Returns a list of two and a half million empty strings, which stand in 20 MiB of its memory.
(component
  (core module $m
    (memory (export "memory") 321)
    (func (export "make") (result i32)
      (i32.store (i32.const 8) (i32.const 65536))
      (i32.store (i32.const 12) (i32.const 2621440))
      (i32.const 8)))
  (core instance $i (instantiate $m))
  (func (export "make") (result (list string)) (canon lift (core func $i "make") (memory $i "memory"))))
