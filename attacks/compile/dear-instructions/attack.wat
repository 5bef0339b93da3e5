;; One function with thousands of the same instruction. Nobody calls it.
(module
  (type (func (param i32)))
  (memory (export "memory") 1)
  (table 1 funcref)

  (func (type 0)
    {{body}})
  (func (export "_start")))
