;; Fills 16 MiB with one instruction, for ever.
(module
  (memory (export "memory") 256)

  (func (export "_start")
    (loop $again
      (memory.fill (i32.const 0) (i32.const 90) (i32.const 0x1000000))
      (br $again))))
