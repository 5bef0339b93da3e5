;; A library whose `_initialize` never returns; the host wants `work`.
(module
  (memory (export "memory") 1)

  (func (export "_initialize") (local $n i64)
    (loop $again
      (local.set $n (i64.add (local.get $n) (i64.const 1)))
      (br $again)))
  (func (export "work")))
