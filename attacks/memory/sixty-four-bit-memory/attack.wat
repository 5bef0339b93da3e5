;; Asks for so many pages that their size in bytes wraps around, then for half a megabyte, for ever.
(module
  (memory (export "memory") i64 1)

  ;; Writes one byte to each 4 KiB from an address to the next.
  (func $touch (param $at i64) (param $end i64)
    (loop $next
      (i32.store8 (local.get $at) (i32.const 1))
      (local.set $at (i64.add (local.get $at) (i64.const 4096)))
      (br_if $next (i64.lt_u (local.get $at) (local.get $end)))))
  (func (export "_start") (local $pages i64)
    (loop $more
      (drop (memory.grow (i64.const 0x1_0000_0000_0000)))
      (drop (memory.grow (i64.const -1)))
      (local.set $pages (memory.grow (i64.const 8)))
      (if (i64.ne (local.get $pages) (i64.const -1))
        (then
          (call $touch
            (i64.mul (local.get $pages) (i64.const 65536))
            (i64.mul (i64.add (local.get $pages) (i64.const 8)) (i64.const 65536)))
          (br $more))))))
