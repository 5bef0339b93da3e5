;; Asks for 2 GiB for ever and is told no every time.
(module
  (memory (export "memory") 1)

  (func (export "_start")
    (loop $again
      (drop (memory.grow (i32.const 0x8000)))
      (br $again))))
