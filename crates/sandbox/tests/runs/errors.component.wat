(component
  (import "wasi:io/error@0.2.0" (instance $io-error
    (export "error" (type $error (sub resource)))
    (export "[method]error.to-debug-string" (func (param "self" (borrow $error)) (result string)))))
  (alias export $io-error "error" (type $error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $output (sub resource)))
    (alias outer 1 $error (type $outer-error))
    (export "error" (type $inner-error (eq $outer-error)))
    (type $failure (variant (case "last-operation-failed" (own $inner-error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $failure)))
    (export "[method]output-stream.blocking-write-and-flush" (func
      (param "self" (borrow $output)) (param "contents" (list u8)) (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output-stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output-stream (type $outer-output))
    (export "output-stream" (type $output (eq $outer-output)))
    (export "get-stdout" (func (result (own $output))))))
  (import "wasi:filesystem/types@0.2.0" (instance $files
    (export "descriptor" (type $descriptor (sub resource)))
    (alias outer 1 $output-stream (type $outer-output))
    (export "output-stream" (type $output (eq $outer-output)))
    (type $code (enum
      "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota" "exist" "file-too-large" "illegal-byte-sequence"
      "in-progress" "interrupted" "invalid" "io" "is-directory" "loop" "too-many-links" "message-size" "name-too-long" "no-device"
      "no-entry" "no-lock" "insufficient-memory" "insufficient-space" "not-directory" "not-empty" "not-recoverable" "unsupported"
      "no-tty" "no-such-device" "overflow" "not-permitted" "pipe" "read-only" "invalid-seek" "text-file-busy" "cross-device"))
    (export "error-code" (type $error-code (eq $code)))
    (type $path (flags "symlink-follow"))
    (export "path-flags" (type $path-flags (eq $path)))
    (type $open (flags "create" "directory" "exclusive" "truncate"))
    (export "open-flags" (type $open-flags (eq $open)))
    (type $rights (flags "read" "write" "file-integrity-sync" "data-integrity-sync" "requested-write-sync" "mutate-directory"))
    (export "descriptor-flags" (type $descriptor-flags (eq $rights)))
    (type $number u64)
    (export "filesize" (type $filesize (eq $number)))
    (export "[method]descriptor.open-at" (func
      (param "self" (borrow $descriptor)) (param "path-flags" $path-flags) (param "path" string) (param "open-flags" $open-flags)
      (param "flags" $descriptor-flags) (result (result (own $descriptor) (error $error-code)))))
    (export "[method]descriptor.write-via-stream" (func
      (param "self" (borrow $descriptor)) (param "offset" $filesize) (result (result (own $output) (error $error-code)))))))
  (alias export $files "descriptor" (type $descriptor))
  (import "wasi:filesystem/preopens@0.2.0" (instance $preopens
    (alias outer 1 $descriptor (type $outer-descriptor))
    (export "descriptor" (type $descriptor (eq $outer-descriptor)))
    (export "get-directories" (func (result (list (tuple (own $descriptor) string)))))))
  (core module $libc
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.get $top)
      (global.set $top (i32.add (global.get $top) (local.get 3)))))
  (core instance $libc (instantiate $libc))
  (core func $get-stdout (canon lower (func $stdout "get-stdout")))
  (core func $write
    (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $libc "memory")))
  (core func $words (canon lower (func $io-error "[method]error.to-debug-string") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $get-directories (canon lower (func $preopens "get-directories") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $open-at (canon lower (func $files "[method]descriptor.open-at") (memory $libc "memory")))
  (core func $write-via (canon lower (func $files "[method]descriptor.write-via-stream") (memory $libc "memory")))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "host" "get-stdout" (func $get-stdout (result i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    (import "host" "words" (func $words (param i32 i32)))
    (import "host" "get-directories" (func $get-directories (param i32)))
    (import "host" "open-at" (func $open-at (param i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "write-via" (func $write-via (param i32 i64 i32)))
    (data (i32.const 8) "new")
    (func (export "run") (result i32)
      (call $get-directories (i32.const 240))
      ;; Create it, to write.
      (call $open-at (i32.load (i32.load (i32.const 240))) (i32.const 0) (i32.const 8) (i32.const 3) (i32.const 1) (i32.const 2) (i32.const 256))
      (if (i32.load8_u (i32.const 256)) (then unreachable))
      ;; An offset that no system takes.
      (call $write-via (i32.load (i32.const 260)) (i64.const 0x8000_0000_0000_0000) (i32.const 272))
      (if (i32.load8_u (i32.const 272)) (then unreachable))
      (call $write (i32.load (i32.const 276)) (i32.const 8) (i32.const 3) (i32.const 288))
      (if (i32.eqz (i32.load8_u (i32.const 288))) (then unreachable))
      (if (i32.load8_u (i32.const 292)) (then unreachable))
      (call $words (i32.load (i32.const 296)) (i32.const 304))
      (call $write (call $get-stdout) (i32.load (i32.const 304)) (i32.load (i32.const 308)) (i32.const 320))
      (i32.const 0)))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "get-stdout" (func $get-stdout))
      (export "write" (func $write))
      (export "words" (func $words))
      (export "get-directories" (func $get-directories))
      (export "open-at" (func $open-at))
      (export "write-via" (func $write-via))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
