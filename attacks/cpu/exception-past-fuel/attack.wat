;; Works for a thousand steps, throws, catches one frame up, and begins anew: no working function ever returns.
(module
  (memory (export "memory") 1)
  (tag $done)
  (func $work (local $n i32)
    (loop $again
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 1000))))
    (throw $done))

  (func (export "_start")
    (loop $again
      (block $caught
        (try_table (catch $done $caught) (call $work)))
      (br $again))))
