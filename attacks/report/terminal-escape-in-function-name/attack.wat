;; Traps in a function whose name sets the title of the terminal, clears the line and turns the text green.
(module
  (memory (export "memory") 1)

  (func $named (@name "\1b]0;contained\07\1b[2K\1b[32mall contained\c2\9b0m") (unreachable))
  (func (export "_start") (call $named)))
