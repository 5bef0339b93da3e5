;; The module that the examples of rules stand beside, where a rule compares a policy with a module.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 12)
  (memory $scratch 4)
  (func (export "_start")))
