;; Declares 100 MiB of memory and touches all of it.
(module
  (memory (export "memory") 1600)

  ;; Writes one byte to each 4 KiB from an address to the next.
  (func $touch (param $at i32) (param $end i32)
    (loop $next
      (i32.store8 (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))

  (func (export "_start")
    (call $touch (i32.const 0) (i32.const 0x6400000))))
