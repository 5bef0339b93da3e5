;; Asks for a megabyte of random bytes, for ever.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32)))
  (memory (export "memory") 17)

  (func (export "_start")
    (loop $again
      (drop (call $random_get (i32.const 65536) (i32.const 0x100000)))
      (br $again))))
