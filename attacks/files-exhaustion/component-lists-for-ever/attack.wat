;; Has a directory listed for ever and drops each listing unread.
(component
  (import "wasi:filesystem/types@0.2.0" (instance $files
    (export "descriptor" (type $descriptor (sub resource)))
    (type $code (enum
      "access" "would-block" "already" "bad-descriptor" "busy" "deadlock" "quota" "exist" "file-too-large" "illegal-byte-sequence"
      "in-progress" "interrupted" "invalid" "io" "is-directory" "loop" "too-many-links" "message-size" "name-too-long" "no-device"
      "no-entry" "no-lock" "insufficient-memory" "insufficient-space" "not-directory" "not-empty" "not-recoverable" "unsupported"
      "no-tty" "no-such-device" "overflow" "not-permitted" "pipe" "read-only" "invalid-seek" "text-file-busy" "cross-device"))
    (export "error-code" (type $error-code (eq $code)))
    (export "directory-entry-stream" (type $entries (sub resource)))
    (export "[method]descriptor.create-directory-at" (func
      (param "self" (borrow $descriptor)) (param "path" string) (result (result (error $error-code)))))
    (export "[method]descriptor.read-directory" (func
      (param "self" (borrow $descriptor)) (result (result (own $entries) (error $error-code)))))))
  (alias export $files "descriptor" (type $descriptor))
  (alias export $files "directory-entry-stream" (type $entries))
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
  (core func $create-directory-at (canon lower (func $files "[method]descriptor.create-directory-at") (memory $libc "memory")))
  (core func $read-directory (canon lower (func $files "[method]descriptor.read-directory") (memory $libc "memory")))
  (core func $get-directories (canon lower (func $preopens "get-directories") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $drop-entries (canon resource.drop $entries))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "host" "create-directory-at" (func $create-directory-at (param i32 i32 i32 i32)))
    (import "host" "read-directory" (func $read-directory (param i32 i32)))
    (import "host" "get-directories" (func $get-directories (param i32)))
    (import "host" "drop-entries" (func $drop-entries (param i32)))
    ;; The first granted directory.
    (func $root (result i32)
      (call $get-directories (i32.const 240))
      (i32.load (i32.load (i32.const 240))))
    ;; Puts the name of a number, two letters, at 512.
    (func $name (param $number i32)
      (i32.store8 (i32.const 512) (i32.add (i32.const 97) (i32.div_u (local.get $number) (i32.const 20))))
      (i32.store8 (i32.const 513) (i32.add (i32.const 97) (i32.rem_u (local.get $number) (i32.const 20)))))
    (func (export "run") (result i32) (local $root i32) (local $i i32)
      (local.set $root (call $root))
      (loop $next
        (call $name (local.get $i))
        (call $create-directory-at (local.get $root) (i32.const 512) (i32.const 2) (i32.const 288))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 60))))
      (loop $again
        (call $read-directory (local.get $root) (i32.const 288))
        (call $drop-entries (i32.load (i32.const 292)))
        (br $again))
      (i32.const 0)))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "create-directory-at" (func $create-directory-at))
      (export "read-directory" (func $read-directory))
      (export "get-directories" (func $get-directories))
      (export "drop-entries" (func $drop-entries))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
