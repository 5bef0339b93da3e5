;; After each growth that works, tries one past its own declared maximum, which fails without anybody being asked.
(module
  (memory (export "memory") 1 1024)

  ;; Writes one byte to each 4 KiB from an address to the next.
  (func $touch (param $at i32) (param $end i32)
    (loop $next
      (i32.store8 (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $end)))))

  (func (export "_start") (local $pages i32)
    (loop $more
      (local.set $pages (memory.grow (i32.const 8)))
      (drop (memory.grow (i32.const 0xfff0)))
      (if (i32.ne (local.get $pages) (i32.const -1))
        (then
          (call $touch
            (i32.mul (local.get $pages) (i32.const 65536))
            (i32.mul (i32.add (local.get $pages) (i32.const 8)) (i32.const 65536)))
          (br $more))))))
