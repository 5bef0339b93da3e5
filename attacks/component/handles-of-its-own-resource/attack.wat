;; Makes handles of a resource of its own and drops none.
(component
  (type $thing (resource (rep i32)))
  (core func $new (canon resource.new $thing))
  (core module $main
    (import "own" "new" (func $new (param i32) (result i32)))
    (func (export "run") (result i32) (local $left i32)
      (local.set $left (i32.const 3000000))
      (loop $next
        (drop (call $new (i32.const 7)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br_if $next (local.get $left)))
      (i32.const 0)))
  (core instance $main (instantiate $main
    (with "own" (instance (export "new" (func $new))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
