;; Writes a byte and has it synchronised, for ever.
(module
  (import "wasi_snapshot_preview1" "fd_sync" (func $fd_sync (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "s")

  ;; Opens the file whose name of one letter stands at 0, new if need be, and answers its descriptor, or -1.
  (func $open (param $how i32) (result i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1) (local.get $how)
          (i64.const 66) (i64.const 66) (i32.const 0) (i32.const 900))
      (then (return (i32.const -1))))
    (i32.load (i32.const 900)))

  (func (export "_start") (local $fd i32)
    (local.set $fd (call $open (i32.const 1)))
    (loop $again
      (i64.store (i32.const 904) (i64.const 0x1_0000_0000))
      (drop (call $fd_write (local.get $fd) (i32.const 904) (i32.const 1) (i32.const 912)))
      (drop (call $fd_sync (local.get $fd)))
      (br $again))))
