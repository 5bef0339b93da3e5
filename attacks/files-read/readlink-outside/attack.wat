;; Reads the links in the host's list of open descriptors, which say the paths of its files.
(module
  (import "wasi_snapshot_preview1" "path_readlink" (func $path_readlink (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "../../../../../../../../../../../../proc/self/fd/00")

  ;; Prints where the link of a descriptor leads.
  (func $try (param $number i32) (local $digits i32)
    (local.set $digits (i32.const 1))
    (i32.store8 (i32.const 49) (i32.add (i32.const 48) (local.get $number)))
    (if (i32.ge_u (local.get $number) (i32.const 10))
      (then
        (i32.store8 (i32.const 49) (i32.add (i32.const 48) (i32.div_u (local.get $number) (i32.const 10))))
        (i32.store8 (i32.const 50) (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
        (local.set $digits (i32.const 2))))
    (if (call $path_readlink (i32.const 3) (i32.const 0) (i32.add (i32.const 49) (local.get $digits)) (i32.const 4096) (i32.const 4096) (i32.const 912))
      (then (return)))
    (i32.store (i32.const 904) (i32.const 4096))
    (i32.store (i32.const 908) (i32.load (i32.const 912)))
    (drop (call $fd_write (i32.const 1) (i32.const 904) (i32.const 1) (i32.const 912))))

  (func (export "_start") (local $i i32)
    (local.set $i (i32.const 3))
    (loop $next
      (call $try (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 40))))))
