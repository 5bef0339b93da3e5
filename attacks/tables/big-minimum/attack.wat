;; Declares a table of sixteen million elements and fills it.
(module
  (memory (export "memory") 1)

  (table $t 16_000_000 funcref)
  (elem declare func $start)
  (func $start (export "_start")
    (table.fill $t (i32.const 0) (ref.func $start) (i32.const 16_000_000))))
