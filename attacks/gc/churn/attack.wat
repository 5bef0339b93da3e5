;; Makes arrays of 4 KiB and forgets each at once.
(module
  (memory (export "memory") 1)
  (type $bytes (array (mut i8)))

  (func (export "_start") (local $last (ref null $bytes))
    (loop $again
      (local.set $last (array.new $bytes (i32.const 1) (i32.const 4096)))
      (br $again))))
