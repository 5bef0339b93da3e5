;; Declares that its memory may have one gigabyte, grows it by 16 pages at a time until the host says no, and touches what it got.
(module
  (memory (export "memory") 1 16384)

  ;; Writes one byte to each 4 KiB from an address to the next.
  (func $touch (param $at i32) (param $end i32)
    (loop $next
      (i32.store8 (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))

  (func (export "_start") (local $pages i32)
    (loop $more
      (local.set $pages (memory.grow (i32.const 16)))
      (if (i32.ne (local.get $pages) (i32.const -1))
        (then
          (call $touch
            (i32.mul (local.get $pages) (i32.const 65536))
            (i32.mul (i32.add (local.get $pages) (i32.const 16)) (i32.const 65536)))
          (br $more))))))
