;; Returns at once, and never comes back from what it is called with afterwards to free its results.
(component
  (core module $main
    (func (export "run") (result i32) (i32.const 0))
    ;; Square roots take long for the fuel that they cost, so that the deadline comes first.
    (global $x (mut f64) (f64.const 2))
    (func (export "post-return") (param i32)
      (loop $again
        global.get $x
        f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt
        f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt
        f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt
        f64.const 2
        f64.add
        global.set $x
        br $again)))
  (core instance $main (instantiate $main))
  (func $run (result (result)) (canon lift (core func $main "run") (post-return (func $main "post-return"))))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
