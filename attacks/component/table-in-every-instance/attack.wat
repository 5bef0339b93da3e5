;; Instantiates a module with a table of a hundred thousand elements twelve times.
(component
  ;; A table of a hundred thousand elements.
  (core module $each
    (table 100000 funcref)
    (func $f)
    (func $touch (table.fill (i32.const 0) (ref.func $f) (i32.const 100000)))
    (elem declare func $f)
    (start $touch))
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
