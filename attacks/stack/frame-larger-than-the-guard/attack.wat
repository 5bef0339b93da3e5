;; Keeps two thousand numbers across a call of itself: one frame is 16 KB, more than a guard page.
(module
  (memory (export "memory") 1)

  (func $wide (param i64) (result i64)
    {{push}}
    (call $wide (local.get 0))
    {{fold}})
  (func (export "_start")
    (drop (call $wide (i64.const 1)))))
