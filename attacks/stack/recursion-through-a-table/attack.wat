;; Three functions that call each other through a table, by an index that is computed; each needs its frame afterwards.
(module
  (memory (export "memory") 1)
  (type $step (func (param i64) (result i64)))
  (table $t 3 3 funcref)
  (elem (i32.const 0) $a $b $c)

  (func $next (param $n i64) (result i64)
    (call_indirect $t (type $step)
      (i64.add (local.get $n) (i64.const 1))
      (i32.wrap_i64 (i64.rem_u (i64.mul (local.get $n) (i64.const 7)) (i64.const 3)))))
  (func $a (type $step) (i64.add (call $next (local.get 0)) (local.get 0)))
  (func $b (type $step) (i64.xor (call $next (local.get 0)) (local.get 0)))
  (func $c (type $step) (i64.sub (call $next (local.get 0)) (local.get 0)))

  (func (export "_start")
    (drop (call $a (i64.const 0)))))
