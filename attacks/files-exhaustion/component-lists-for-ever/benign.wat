;; Lists a directory once.
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
  (import "wasi:filesystem/types@0.2.0" (instance $files
    (export "descriptor" (type $descriptor (sub resource)))
    (type $code (enum
      "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota" "exist" "file-too-large" "illegal-byte-sequence"
      "in-progress" "interrupted" "invalid" "io" "is-directory" "loop" "too-many-links" "message-size" "name-too-long" "no-device"
      "no-entry" "no-lock" "insufficient-memory" "insufficient-space" "not-directory" "not-empty" "not-recoverable" "unsupported"
      "no-tty" "no-such-device" "overflow" "not-permitted" "pipe" "read-only" "invalid-seek" "text-file-busy" "cross-device"))
    (export "error-code" (type $error-code (eq $code)))
    (type $kind (enum
      "unknown" "block-device" "character-device" "directory" "fifo" "symbolic-link" "regular-file" "socket"))
    (export "descriptor-type" (type $descriptor-type (eq $kind)))
    (type $named (record (field "type" $descriptor-type) (field "name" string)))
    (export "directory-entry" (type $entry (eq $named)))
    (export "directory-entry-stream" (type $entries (sub resource)))
    (export "[method]descriptor.read-directory" (func
      (param "self" (borrow $descriptor)) (result (result (own $entries) (error $error-code)))))
    (export "[method]directory-entry-stream.read-directory-entry" (func
      (param "self" (borrow $entries)) (result (result (option $entry) (error $error-code)))))))
  (alias export $files "descriptor" (type $descriptor))
  (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
    (alias outer 1 $descriptor (type $outer-descriptor))
    (export "descriptor" (type $descriptor (eq $outer-descriptor)))
    (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
  ;; Memory and an allocator that never frees: the lowered functions need both before the guest can be instantiated.
  (core module $libc
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.get $top)
      (global.set $top (i32.add (global.get $top) (local.get 3)))))
  (core instance $libc (instantiate $libc))
  (core func $read-directory (canon lower (func $files "[method]descriptor.read-directory") (memory $libc "memory")))
  (core func $read-directory-entry
        (canon lower (func $files "[method]directory-entry-stream.read-directory-entry") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $get-directories (canon lower (func $preopens "get-directories") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $get-arguments (canon lower (func $environment "get-arguments") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $get-stdout (canon lower (func $stdout "get-stdout")))
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $libc "memory")))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "host" "read-directory" (func $read-directory (param i32 i32)))
    (import "host" "read-directory-entry" (func $read-directory-entry (param i32 i32)))
    (import "host" "get-directories" (func $get-directories (param i32)))
    (import "host" "get-arguments" (func $get-arguments (param i32)))
    (import "host" "get-stdout" (func $get-stdout (result i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    ;; The first granted directory.
    (func $root (result i32)
      (call $get-directories (i32.const 240))
      (i32.load (i32.load (i32.const 240))))
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
      (call $read-directory (call $root) (i32.const 288))
      (call $read-directory-entry (i32.load (i32.const 292)) (i32.const 320))
      (if (i32.eqz (i32.and (i32.eqz (i32.load8_u (i32.const 320))) (i32.load8_u (i32.const 324)))) (then (return (i32.const 1))))
      (call $mark)
      (i32.const 0)))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "read-directory" (func $read-directory))
      (export "read-directory-entry" (func $read-directory-entry))
      (export "get-directories" (func $get-directories))
      (export "get-arguments" (func $get-arguments))
      (export "get-stdout" (func $get-stdout))
      (export "write" (func $write))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
