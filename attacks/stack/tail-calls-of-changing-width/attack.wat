;; Two functions that hand over to each other for ever; one takes a number, the other one five hundred.
(module
  (memory (export "memory") 1)

  (func $narrow (param i64)
    {{arguments}}
    (return_call $wide))
  (func $wide (param{{types}})
    (return_call $narrow (i64.add (local.get 0) (local.get 499))))
  (func (export "_start") (call $narrow (i64.const 1))))
