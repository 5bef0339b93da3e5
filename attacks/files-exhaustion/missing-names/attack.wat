;; Asks for one name after the other that is not there, never the same.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)

  (func (export "_start") (local $number i32)
    (loop $again
      (i64.store (i32.const 0) (i64.or (i64.const 0x6060_6060_6060_6060) (i64.extend_i32_u (i32.and (local.get $number) (i32.const 0x0f0f_0f0f)))))
      (i32.store (i32.const 4) (i32.or (i32.const 0x6060_6060) (i32.and (i32.shr_u (local.get $number) (i32.const 4)) (i32.const 0x0f0f_0f0f))))
      (drop (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 0)
            (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 900)))
      (local.set $number (i32.add (local.get $number) (i32.const 1)))
      (br $again))))
