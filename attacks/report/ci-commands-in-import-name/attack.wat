;; Imports a function from a module whose name holds a line that a CI server takes for a command.
(module
  (import "{{text}}" "x" (func $f))
  (memory (export "memory") 1)

  (func (export "_start") (call $f)))
