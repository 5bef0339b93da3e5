;; Instantiates a module twelve times whose start function computes for some 80 milliseconds.
(component
  ;; Spins for a while as soon as it is instantiated. Square roots take long for the fuel that they cost.
  (core module $each
    (global $x (mut f64) (f64.const 2))
    (func $spin (local $left i32)
      (local.set $left (i32.const 2000000))
      (loop $again
        (global.set $x (f64.add (f64.sqrt (f64.sqrt (f64.sqrt (f64.sqrt (f64.sqrt (f64.sqrt (f64.sqrt (f64.sqrt (global.get $x))))))))) (f64.const 2)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br_if $again (local.get $left))))
    (start $spin))
  (core instance (instantiate $each))
  (core instance (instantiate $each))
  (core instance (instantiate $each))
  (core instance (instantiate $each))
  (core instance (instantiate $each))
  (core instance (instantiate $each))
  (core instance (instantiate $each))
  (core instance (instantiate $each))
  (core instance (instantiate $each))
  (core instance (instantiate $each))
  (core instance (instantiate $each))
  (core instance (instantiate $each))
  (core module $main
    (func (export "run") (result i32) (i32.const 0)))
  (core instance $main (instantiate $main))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
