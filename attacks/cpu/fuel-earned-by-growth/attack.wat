;; Asks for ever for a growth that cannot be, by a length whose highest bit is set.
(module
  (memory (export "memory") 1)
  (table $t {{index}} 1 2 funcref)

  (func (export "_start")
    (loop $again
      (drop (table.grow $t (ref.null func) {{by}}))
      (br $again))))
