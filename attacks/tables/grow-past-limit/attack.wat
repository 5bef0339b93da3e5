;; Grows a table by sixteen million elements and fills it, so that the host has to hold every one.
(module
  (memory (export "memory") 1)

  (table $t 1 funcref)
  (elem declare func $start)
  (func $start (export "_start")
    (if (i32.ne (table.grow $t (ref.func $start) (i32.const 16_000_000)) (i32.const -1))
      (then (table.fill $t (i32.const 0) (ref.func $start) (i32.const 16_000_000))))))
