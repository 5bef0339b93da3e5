;; Three thousand loops, one in the other, each of which may turn back. Nobody calls the function.
(module
  (memory (export "memory") 1)

  (func (param i32)
    {{begins}}
    {{ends}})
  (func (export "_start")))
