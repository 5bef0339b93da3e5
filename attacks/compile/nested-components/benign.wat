;; A component in a component in a component; a command that marks.
(component
  (import "wasi:cli/environment@0.2.0" (instance $environment (export "get-arguments" (func (result (list string))))))
  (import "wasi:io/error@0.2.0" (instance $io-error (export "error" (type (sub resource)))))
  (alias export $io-error "error" (type $error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $output (sub resource)))
    (export "input-stream" (type (sub resource)))
    (alias outer 1 $error (type $outer-error))
    (export "error" (type $inner-error (eq $outer-error)))
    (type $failure (variant (case "last-operation-failed" (own $inner-error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $failure)))
    (export "[method]output-stream.blocking-write-and-flush" (func
      (param "self" (borrow $output)) (param "contents" (list u8)) (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output-stream))
  (alias export $streams "input-stream" (type $input-stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output-stream (type $outer-output))
    (export "output-stream" (type $output (eq $outer-output)))
    (export "get-stdout" (func (result (own $output))))))
  ;; Memory and an allocator that never frees: the lowered functions need both before the guest can be instantiated.
  (core module $libc
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.get $top)
      (global.set $top (i32.add (global.get $top) (local.get 3)))))
  (component (component (component)))
  (core instance $libc (instantiate $libc))
  (core func $get-arguments (canon lower (func $environment "get-arguments") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $get-stdout (canon lower (func $stdout "get-stdout")))
  (core func $write
    (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $libc "memory")))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "host" "get-arguments" (func $get-arguments (param i32)))
    (import "host" "get-stdout" (func $get-stdout (result i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    ;; The address of the nonce, which is the first argument.
    (func $nonce (result i32)
      (call $get-arguments (i32.const 64))
      (i32.load offset=8 (i32.load (i32.const 64))))
    ;; The marker: the nonce reversed on standard output.
    (func $mark (local $i i32) (local $nonce i32)
      (local.set $nonce (call $nonce))
      (loop $next
        (i32.store8 (i32.sub (i32.const 143) (local.get $i)) (i32.load8_u (i32.add (local.get $nonce) (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 16))))
      (call $write (call $get-stdout) (i32.const 128) (i32.const 16) (i32.const 160)))
    (func (export "run") (result i32)
      (call $mark)
      (i32.const 0)))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "get-arguments" (func $get-arguments))
      (export "get-stdout" (func $get-stdout))
      (export "write" (func $write))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
