;; Integers in registers, each step waiting for the last: `n` times 100 000 rounds.
(module
  (func (export "run") (param $n i32) (result i64) (local $x i64) (local $left i32)
    (local.set $x (i64.const 88172645463325252))
    (loop $again
      (local.set $left (i32.const 100000))
      (loop $round
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
        (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br_if $round (local.get $left)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n)))
    (local.get $x)))
