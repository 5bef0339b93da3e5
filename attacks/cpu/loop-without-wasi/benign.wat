;; Adds one to its argument in a thousand steps.
(module
  (func (export "_start") (param $x i64) (result i64) (local $n i32)
    (loop $again
      (local.set $x (i64.add (local.get $x) (i64.const 3)))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 1000))))
    (i64.sub (local.get $x) (i64.const 2999))))
