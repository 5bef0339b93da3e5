;; Imports a function by an address that holds sequences which a terminal acts upon.
(component
  (import "url=<https://example.com/{{tail}}>" (func))
  (core module $main
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $main (instantiate $main
    (with "host" (instance
))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
