;; Passive segments that are never copied into a table, full of references to one function.
(module
  (memory (export "memory") 1)
  (func (export "_start"))
  {{segments}})
