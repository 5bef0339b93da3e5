;; Prints every argument that it is given.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 17)

  (func (export "_start")
    (drop (call $args_sizes_get (i32.const 512) (i32.const 516)))
    (drop (call $args_get (i32.const 4096) (i32.const 65536)))
    (i32.store (i32.const 904) (i32.const 65536))
    (i32.store (i32.const 908) (i32.load (i32.const 516)))
    (drop (call $fd_write (i32.const 1) (i32.const 904) (i32.const 1) (i32.const 912)))))
