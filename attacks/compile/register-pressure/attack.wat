;; Puts five thousand different numbers on the operand stack before it takes the first one off. Nobody calls the function.
(module
  (memory (export "memory") 1)

  (func (param i64) (result i64)
    {{pushes}}
    (local.get 0)
    {{folds}})
  (func (export "_start")))
