;; Bytes of memory: primes below 65 536, `n` times.
(module
  (memory 1)
  (func (export "run") (param $n i32) (result i64) (local $i i32) (local $j i32) (local $found i64)
    (loop $again
      (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536))
      (local.set $i (i32.const 2))
      (loop $next
        (if (i32.eqz (i32.load8_u (local.get $i)))
          (then
            (local.set $found (i64.add (local.get $found) (i64.const 1)))
            (local.set $j (i32.shl (local.get $i) (i32.const 1)))
            (block $done
              (loop $mark
                (br_if $done (i32.ge_u (local.get $j) (i32.const 65536)))
                (i32.store8 (local.get $j) (i32.const 1))
                (local.set $j (i32.add (local.get $j) (local.get $i)))
                (br $mark)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 65536))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n)))
    (local.get $found)))
