;; Two components with memories of their own and different encodings of strings. One passes a megabyte of text to the other, a million
;; times.
(component
  (component $callee
    (core module $m
      (memory (export "memory") 64)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      (func (export "take") (param i32 i32)))
    (core instance $i (instantiate $m))
    (func (export "take") (param "text" string)
      (canon lift (core func $i "take") (memory $i "memory") (realloc (func $i "realloc")) string-encoding=utf16)))
  (component $caller
    (import "take" (func $take (param "text" string)))
    (core module $libc (memory (export "memory") 20))
    (core instance $libc (instantiate $libc))
    (core func $take (canon lower (func $take) (memory $libc "memory")))
    (core module $main
      (import "libc" "memory" (memory 20))
      (import "callee" "take" (func $take (param i32 i32)))
      (func (export "run") (result i32) (local $left i32)
        (memory.fill (i32.const 65536) (i32.const 97) (i32.const 1_000_000))
        (local.set $left (i32.const 1_000_000))
        (loop $next
          (call $take (i32.const 65536) (i32.const 1_000_000))
          (local.set $left (i32.sub (local.get $left) (i32.const 1)))
          (br_if $next (local.get $left)))
        (i32.const 0)))
    (core instance $main (instantiate $main
      (with "libc" (instance $libc))
      (with "callee" (instance (export "take" (func $take))))))
    (func $run (result (result)) (canon lift (core func $main "run")))
    (instance $command (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $command)))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "take" (func $callee "take"))))
  (alias export $caller "wasi:cli/run@0.2.0" (instance $command))
  (export "wasi:cli/run@0.2.0" (instance $command)))
