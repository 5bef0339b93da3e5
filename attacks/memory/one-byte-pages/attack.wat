;; A memory whose page is one byte: grows by a hundred thousand pages and by one, fails to grow by four thousand million, again and again.
(module
  (memory (export "memory") 65536 (pagesize 1))

  ;; Writes one byte to each 4 KiB from an address to the next.
  (func $touch (param $at i32) (param $end i32)
    (loop $next
      (i32.store8 (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))

  (func (export "_start") (local $size i32)
    (loop $more
      (drop (memory.grow (i32.const 1)))
      (local.set $size (memory.grow (i32.const 100_000)))
      (drop (memory.grow (i32.const -1)))
      (if (i32.ne (local.get $size) (i32.const -1))
        (then
          (call $touch (local.get $size) (i32.add (local.get $size) (i32.const 100_000)))
          (br $more))))))
