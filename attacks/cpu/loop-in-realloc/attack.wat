;; Asks the host for its arguments with an allocator that never returns: the host calls it to put them somewhere.
(component
  (import "wasi:cli/environment@0.2.0" (instance $environment (export "get-arguments" (func (result (list string))))))
  (core module $libc
    (memory (export "memory") 1)
    ;; Square roots take long for the fuel that they cost, so that the deadline comes first.
    (global $x (mut f64) (f64.const 2))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (loop $again
        global.get $x
        f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt
        f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt
        f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt f64.sqrt
        f64.const 2
        f64.add
        global.set $x
        br $again)
      (i32.const 1024)))
  (core instance $libc (instantiate $libc))
  (core func $get-arguments (canon lower (func $environment "get-arguments") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core module $main
    (import "host" "get-arguments" (func $get-arguments (param i32)))
    (func (export "run") (result i32)
      (call $get-arguments (i32.const 64))
      (i32.const 0)))
  (core instance $main (instantiate $main (with "host" (instance (export "get-arguments" (func $get-arguments))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
