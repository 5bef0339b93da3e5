;; Traps in a function whose name holds a line that states a result.
(module
  (memory (export "memory") 1)

  (func $named (@name "{{text}}") (unreachable))
  (func (export "_start") (call $named)))
