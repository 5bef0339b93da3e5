;; Writes 4 MiB to standard output.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)

  ;; Writes so many blocks of 64 KiB to a descriptor, until one is refused.
  (func $flood (param $fd i32) (param $blocks i32)
    (memory.fill (i32.const 65536) (i32.const 46) (i32.const 65536))
    (loop $next
      (i64.store (i32.const 904) (i64.const 0x1_0000_0001_0000))
      (if (i32.eqz (call $fd_write (local.get $fd) (i32.const 904) (i32.const 1) (i32.const 912)))
        (then
          (local.set $blocks (i32.sub (local.get $blocks) (i32.const 1)))
          (br_if $next (local.get $blocks))))))

  (func (export "_start")
    (call $flood (i32.const 1) (i32.const 64))))
