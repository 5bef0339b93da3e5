;; Does all of its work in a function that is entered by `call_ref` only: a thousand steps for each call, without end.
(module
  (memory (export "memory") 1)
  (type $step (func (param i64) (result i64)))
  (elem declare func $work)
  (func $work (type $step) (local $n i32)
    (loop $again
      (local.set 0 (i64.add (i64.mul (local.get 0) (i64.const 31)) (i64.const 7)))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 1000))))
    (local.get 0))

  (func (export "_start") (local $x i64)
    (loop $again
      (local.set $x (call_ref $step (local.get $x) (ref.func $work)))
      (br $again))))
