;; After each growth that works, tries one past its own declared maximum, which fails.
(module
  (memory (export "memory") 1)
  (table $t 1 4_000_000 funcref)
  (elem declare func $start)

  (func $start (export "_start")
    (loop $more
      (drop (table.grow $t (ref.func $start) (i32.const 8_000_000)))
      (br_if $more (i32.ne (table.grow $t (ref.func $start) (i32.const 4_000)) (i32.const -1))))))
