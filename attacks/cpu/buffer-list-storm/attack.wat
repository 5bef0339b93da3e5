;; Writes eight thousand buffers of no length, for ever.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)

  (func (export "_start")
    (loop $again
      (drop (call $fd_write (i32.const 1) (i32.const 65536) (i32.const 8000) (i32.const 900)))
      (br $again))))
