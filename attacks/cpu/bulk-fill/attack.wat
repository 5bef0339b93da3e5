;; Fills 2 MiB with one instruction, for ever.
(module
  (memory (export "memory") 32)

  (func (export "_start")
    (loop $again
      (memory.fill (i32.const 0) (i32.const 90) (i32.const 0x200000))
      (br $again))))
