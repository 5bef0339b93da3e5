;; Opens a file once and calls the same function on it, or on the directory, without end.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "{{function}}" (func $call {{type}}))
  (memory (export "memory") 1)
  (data (i32.const 64) "input.txt")
  ;; A list of one buffer of four bytes.
  (data (i32.const 8) "\00\02\00\00\04\00\00\00")

  (func (export "_start")
    (drop (call $open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 9) (i32.const 0) (i64.const 0x20_0026) (i64.const 0) (i32.const 0) (i32.const 0)))
    (loop $again
      (drop (call $call {{arguments}}))
      (br $again))))
