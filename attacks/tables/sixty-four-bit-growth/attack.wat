;; Asks for a million elements, then for so many that their size in bytes wraps around, then for a million more.
(module
  (memory (export "memory") 1)
  (table $t i64 1 funcref)
  (elem declare func $start)

  (func $start (export "_start")
    (drop (table.grow $t (ref.func $start) (i64.const 1_000_000)))
    (drop (table.grow $t (ref.func $start) (i64.const 0x2000_0000_0000_0000)))
    (drop (table.grow $t (ref.func $start) (i64.const 1_000_000)))))
