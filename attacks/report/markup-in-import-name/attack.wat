;; Imports a function from a module whose name holds markup.
(module
  (import "{{text}}" "x" (func $f))
  (memory (export "memory") 1)

  (func (export "_start") (call $f)))
