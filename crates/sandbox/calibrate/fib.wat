;; Direct calls: the 18th Fibonacci number by recursion, `n` times.
(module
  (func $fib (param $i i32) (result i64)
    (if (result i64) (i32.lt_u (local.get $i) (i32.const 2))
      (then (i64.extend_i32_u (local.get $i)))
      (else
        (i64.add
          (call $fib (i32.sub (local.get $i) (i32.const 1)))
          (call $fib (i32.sub (local.get $i) (i32.const 2)))))))
  (func (export "run") (param $n i32) (result i64) (local $sum i64)
    (loop $again
      (local.set $sum (i64.add (local.get $sum) (call $fib (i32.const 18))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n)))
    (local.get $sum)))
