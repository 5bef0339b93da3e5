;; Loops without a call, an allocation or a way out.
(module
  (memory (export "memory") 1)

  (func (export "_start")
    (loop $again (br $again))))
