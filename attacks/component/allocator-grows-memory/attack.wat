;; Asks for a few random bytes. Its allocator grows memory by 48 MiB and touches all of it before it answers.
(component
  (import "wasi:random/random@0.2.0" (instance $random (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  ;; Memory and the allocator.
  (core module $libc
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (if (i32.ge_s (memory.grow (i32.const 768)) (i32.const 0))
        (then (memory.fill (i32.const 65536) (i32.const 1) (i32.const 0x300_0000))))
      (global.get $top)
      (global.set $top (i32.add (global.get $top) (local.get 3)))))
  (core instance $libc (instantiate $libc))
  (core func $get-random-bytes (canon lower (func $random "get-random-bytes") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "host" "get-random-bytes" (func $get-random-bytes (param i64 i32)))
    (func (export "run") (result i32)
      (call $get-random-bytes (i64.const 8) (i32.const 256))
      (i32.const 0)))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "get-random-bytes" (func $get-random-bytes))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
