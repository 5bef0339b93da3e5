;; Floats in memory: a product of two matrices of 64 by 64 `f64`, `n` times.
(module
  (memory 2)
  (func (export "run") (param $n i32) (result i64) (local $i i32) (local $j i32) (local $k i32) (local $sum f64)
    (loop $again
      (local.set $i (i32.const 0))
      (loop $row
        (local.set $j (i32.const 0))
        (loop $column
          (local.set $sum (f64.const 1))
          (local.set $k (i32.const 0))
          (loop $term
            (local.set $sum
              (f64.add (local.get $sum)
                (f64.mul
                  (f64.load (i32.shl (i32.add (i32.shl (local.get $i) (i32.const 6)) (local.get $k)) (i32.const 3)))
                  (f64.load offset=32768 (i32.shl (i32.add (i32.shl (local.get $k) (i32.const 6)) (local.get $j)) (i32.const 3))))))
            (local.set $k (i32.add (local.get $k) (i32.const 1)))
            (br_if $term (i32.lt_u (local.get $k) (i32.const 64))))
          (f64.store offset=65536
            (i32.shl (i32.add (i32.shl (local.get $i) (i32.const 6)) (local.get $j)) (i32.const 3)) (local.get $sum))
          (local.set $j (i32.add (local.get $j) (i32.const 1)))
          (br_if $column (i32.lt_u (local.get $j) (i32.const 64))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $row (i32.lt_u (local.get $i) (i32.const 64))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n)))
    (i64.reinterpret_f64 (f64.load offset=65536 (i32.const 0)))))
