;; Traps in a function whose name is a script or a handler.
(module
  (memory (export "memory") 1)

  (func $named (@name "{{text}}") (unreachable))
  (func (export "_start") (call $named)))
