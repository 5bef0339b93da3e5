;; Fills 44 MiB of its memory, and opens a file by the name that stands there.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 720)

  (func (export "_start")
    (memory.fill (i32.const 65536) (i32.const 97) (i32.const 0x2c0_0000))
    (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 65536) (i32.const 0x2c0_0000) (i32.const 0)
      (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 900)))))
