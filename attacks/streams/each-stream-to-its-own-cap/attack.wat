;; Writes 48 KiB to standard error and 48 KiB to standard output: each fits under the cap, both together do not.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  ;; Writes 48 KiB to a descriptor; answers whether it may.
  (func $fill (param $fd i32) (result i32)
    (i64.store (i32.const 904) (i64.const 0xc000_0000_1000))
    (call $fd_write (local.get $fd) (i32.const 904) (i32.const 1) (i32.const 912)))

  (func (export "_start")
    (memory.fill (i32.const 4096) (i32.const 46) (i32.const 49152))
    (drop (call $fill (i32.const 2)))
    (drop (call $fill (i32.const 1)))))
