;; Grows a table of external references, all of them null, and writes each one.
(module
  (memory (export "memory") 1)
  (table $t 1 externref)

  (func (export "_start")
    (if (i32.ne (table.grow $t (ref.null extern) (i32.const 8_000_000)) (i32.const -1))
      (then (table.fill $t (i32.const 0) (ref.null extern) (i32.const 8_000_000))))))
