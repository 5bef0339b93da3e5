;; Asks one small question about a file for ever, from a component.
(component
  (import "wasi:clocks/wall-clock@0.2.0" (instance $wall-clock
    (type $moment (record (field "seconds" u64) (field "nanoseconds" u32)))
    (export "datetime" (type (eq $moment)))))
  (alias export $wall-clock "datetime" (type $datetime))
  (import "wasi:filesystem/types@0.2.0" (instance $files
    (export "descriptor" (type $descriptor (sub resource)))
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
    (type $kind (enum
      "unknown" "block-device" "character-device" "directory" "fifo" "symbolic-link" "regular-file" "socket"))
    (export "descriptor-type" (type $descriptor-type (eq $kind)))
    (alias outer 1 $datetime (type $outer-datetime))
    (export "datetime" (type $datetime (eq $outer-datetime)))
    (type $facts (record
      (field "type" $descriptor-type) (field "link-count" u64) (field "size" u64)
      (field "data-access-timestamp" (option $datetime)) (field "data-modification-timestamp" (option $datetime))
      (field "status-change-timestamp" (option $datetime))))
    (export "descriptor-stat" (type $descriptor-stat (eq $facts)))
    (type $hash-value (record (field "lower" u64) (field "upper" u64)))
    (export "metadata-hash-value" (type $hash (eq $hash-value)))
    (export "[method]descriptor.open-at" (func
      (param "self" (borrow $descriptor)) (param "path-flags" $path-flags) (param "path" string) (param "open-flags" $open-flags)
      (param "flags" $descriptor-flags) (result (result (own $descriptor) (error $error-code)))))
    (export "[method]descriptor.stat" (func
      (param "self" (borrow $descriptor)) (result (result $descriptor-stat (error $error-code)))))
    (export "[method]descriptor.stat-at" (func
      (param "self" (borrow $descriptor)) (param "path-flags" $path-flags) (param "path" string)
            (result (result $descriptor-stat (error $error-code)))))
    (export "[method]descriptor.metadata-hash" (func
      (param "self" (borrow $descriptor)) (result (result $hash (error $error-code)))))
    (export "[method]descriptor.get-flags" (func
      (param "self" (borrow $descriptor)) (result (result $descriptor-flags (error $error-code)))))
    (export "[method]descriptor.is-same-object" (func
      (param "self" (borrow $descriptor)) (param "other" (borrow $descriptor)) (result bool)))))
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
  (core func $open-at (canon lower (func $files "[method]descriptor.open-at") (memory $libc "memory")))
  (core func $stat (canon lower (func $files "[method]descriptor.stat") (memory $libc "memory")))
  (core func $stat-at (canon lower (func $files "[method]descriptor.stat-at") (memory $libc "memory")))
  (core func $metadata-hash (canon lower (func $files "[method]descriptor.metadata-hash") (memory $libc "memory")))
  (core func $get-flags (canon lower (func $files "[method]descriptor.get-flags") (memory $libc "memory")))
  (core func $is-same-object (canon lower (func $files "[method]descriptor.is-same-object")))
  (core func $get-directories (canon lower (func $preopens "get-directories") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $drop (canon resource.drop $descriptor))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "host" "open-at" (func $open-at (param i32 i32 i32 i32 i32 i32 i32)))
    (import "host" "stat" (func $stat (param i32 i32)))
    (import "host" "stat-at" (func $stat-at (param i32 i32 i32 i32 i32)))
    (import "host" "metadata-hash" (func $metadata-hash (param i32 i32)))
    (import "host" "get-flags" (func $get-flags (param i32 i32)))
    (import "host" "is-same-object" (func $is-same-object (param i32 i32) (result i32)))
    (import "host" "get-directories" (func $get-directories (param i32)))
    (import "host" "drop" (func $drop (param i32)))
    (data (i32.const 512) "input.txt")
    ;; The first granted directory.
    (func $root (result i32)
      (call $get-directories (i32.const 240))
      (i32.load (i32.load (i32.const 240))))
    ;; Opens a path below a directory, with open flags and rights to be given. Answers with the descriptor, or -1.
    (func $open (param $directory i32) (param $path i32) (param $length i32) (param $how i32) (param $rights i32) (result i32)
      (call $open-at (local.get $directory) (i32.const 1) (local.get $path) (local.get $length) (local.get $how) (local.get $rights)
        (i32.const 256))
      (if (i32.load8_u (i32.const 256)) (then (return (i32.const -1))))
      (i32.load (i32.const 260)))
    (func (export "run") (result i32) (local $root i32)
      (local.set $root (call $root))
      (loop $again
        {{call}}
        (br $again))
      (i32.const 0)))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "open-at" (func $open-at))
      (export "stat" (func $stat))
      (export "stat-at" (func $stat-at))
      (export "metadata-hash" (func $metadata-hash))
      (export "get-flags" (func $get-flags))
      (export "is-same-object" (func $is-same-object))
      (export "get-directories" (func $get-directories))
      (export "drop" (func $drop))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
