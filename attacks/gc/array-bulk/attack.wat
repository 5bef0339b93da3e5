;; Works through an array of half a megabyte with one instruction, for ever.
(module
  (memory (export "memory") 1)
  (type $bytes (array (mut i8)))

  (func (export "_start") (local $a (ref null $bytes))
    (local.set $a (array.new_default $bytes (i32.const 0x8_0000)))
    (loop $again
      {{bulk}}
      (br $again))))
