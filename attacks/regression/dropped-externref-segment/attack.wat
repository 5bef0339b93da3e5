;; Copies out of a segment of foreign references after it was dropped: nothing first, then one element.
(module
  (memory (export "memory") 1)
  (table 4 externref)
  (elem $gone externref (ref.null extern))
  (func (export "_start")
    (table.init $gone (i32.const 0) (i32.const 0) (i32.const 1))
    (elem.drop $gone)
    (table.init $gone (i32.const 0) (i32.const 0) (i32.const 0))
    (table.init $gone (i32.const 0) (i32.const 0) (i32.const 1))))
