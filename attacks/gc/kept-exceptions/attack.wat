;; Each exception carries the one before it and eight numbers; none is ever dropped.
(module
  (memory (export "memory") 1)
  (tag $e (param (ref null exn) i64 i64 i64 i64 i64 i64 i64 i64))

  (func (export "_start") (local $last (ref null exn))
    (loop $more
      (block $caught (result (ref exn))
        (try_table (catch_all_ref $caught)
          (throw $e (local.get $last) (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4) (i64.const 5) (i64.const 6) (i64.const 7) (i64.const 8)))
        (unreachable))
      (local.set $last)
      (br $more))))
