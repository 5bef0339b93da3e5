;; Recurses until the stack is full, so that every page of it has been touched.
(module
  (memory (export "memory") 1)

  (func $down (param $n i64) (result i64)
    (i64.add (call $down (i64.add (local.get $n) (i64.const 1))) (local.get $n)))
  (func (export "_start")
    (drop (call $down (i64.const 0)))))
