;; One function with two thousand tests of one value against one type. Nobody calls it.
(module
  (memory (export "memory") 1)
  (type $a (sub (struct)))

  (func (param anyref) (result i32)
    (i32.const 0)
    {{tests}})
  (func (export "_start")))
