;; Looks for a fixed point of a function that has none.
(module
  (func (export "_start") (param $x i64) (result i64) (local $y i64)
    (loop $again
      (local.set $y (local.get $x))
      (local.set $x (i64.add (i64.mul (local.get $x) (i64.const 5)) (i64.const 1)))
      (br_if $again (i64.ne (local.get $x) (i64.sub (local.get $y) (i64.const 1)))))
    (local.get $x)))
