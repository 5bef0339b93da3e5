;; Hands a thousand numbers down and wants a thousand back, without end.
(module
  (memory (export "memory") 1)
  (type $wide (func (param{{types}}) (result{{types}})))

  (func $down (type $wide)
    {{arguments}}
    (call $down)
    (local.set 0)
    (i64.add (local.get 0) (local.get 1)))
  (func (export "_start") (local i64 i64 i64 i64 i64 i64 i64 i64 i64 i64)
    {{arguments}}
    (call $down)
    (unreachable)))
