;; Copies 2 MiB onto themselves, one byte further, for ever: source and destination overlap, so the copy has to go backwards.
(module
  (memory (export "memory") 33)

  (func (export "_start")
    (loop $again
      (memory.copy (i32.const 1) (i32.const 0) (i32.const 0x20_0000))
      (br $again))))
