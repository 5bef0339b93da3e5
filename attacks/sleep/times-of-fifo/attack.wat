;; Sets the times of a FIFO that nobody reads from, following links: a host that opens the file for that waits.
(module
  (import "wasi_snapshot_preview1" "path_filestat_set_times" (func $set_times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "mute")

  (func (export "_start")
    (drop (call $set_times (i32.const 3) (i32.const 1) (i32.const 0) (i32.const 4)
      (i64.const 1) (i64.const 1) (i32.const 4)))))
