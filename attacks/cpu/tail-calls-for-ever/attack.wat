;; Two functions that hand over to each other for ever, on one frame.
(module
  (memory (export "memory") 1)
  (type $turn (func (param i32)))
  (table $t 1 funcref)
  (elem (i32.const 0) $ping)
  (func $ping (type $turn) (return_call $pong (i32.add (local.get 0) (i32.const 1))))
  (func $pong (type $turn) {{call}})

  (func (export "_start") (call $ping (i32.const 0))))
