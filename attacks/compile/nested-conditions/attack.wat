;; Ten thousand conditions, one in the other, without anything in them. Nobody calls the function.
(module
  (memory (export "memory") 1)

  (func (param i32)
    {{begins}}
    {{ends}})
  (func (export "_start")))
