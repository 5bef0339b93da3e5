;; Traps in a function of a core module whose name holds a sequence that a terminal acts upon.
(component
  (core module $main
    (func $named (@name "{{name}}") (unreachable))
    (func (export "run") (result i32)
      (call $named)
      (i32.const 0)))
  (core instance $main (instantiate $main
    (with "host" (instance
))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
