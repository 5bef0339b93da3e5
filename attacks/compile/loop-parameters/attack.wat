;; Fifteen hundred nested loops that take a number and give one, and write it to a local besides. Nobody calls the function.
(module
  (memory (export "memory") 1)

  (func (param i32) (result i32)
    (local.get 0)
    {{begins}}
    {{ends}})
  (func (export "_start")))
