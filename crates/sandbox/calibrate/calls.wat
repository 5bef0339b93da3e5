;; Calls through a table, of four functions in turn: `n` times 10 000.
(module
  (type $step (func (param i64) (result i64)))
  (table funcref (elem $add $rotate $multiply $mix))
  (func $add (type $step) (i64.add (local.get 0) (i64.const 7)))
  (func $rotate (type $step) (i64.rotl (local.get 0) (i64.const 9)))
  (func $multiply (type $step) (i64.mul (local.get 0) (i64.const 31)))
  (func $mix (type $step) (i64.xor (local.get 0) (i64.shr_u (local.get 0) (i64.const 21))))
  (func (export "run") (param $n i32) (result i64) (local $x i64) (local $left i32)
    (local.set $x (i64.const 1))
    (loop $again
      (local.set $left (i32.const 10000))
      (loop $call
        (local.set $x (call_indirect (type $step) (local.get $x) (i32.and (local.get $left) (i32.const 3))))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br_if $call (local.get $left)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n)))
    (local.get $x)))
