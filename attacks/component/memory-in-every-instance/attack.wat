;; Instantiates a module with four megabytes of memory twelve times, which are fewer instances than are allowed.
(component
  ;; Four megabytes of memory, all of it touched at once.
  (core module $each
    (memory 64)
    (func $touch (memory.fill (i32.const 0) (i32.const 1) (i32.const 0x400000)))
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
