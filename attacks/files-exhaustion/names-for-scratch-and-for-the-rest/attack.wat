;; Makes fifteen empty files in each of four directories, each fewer than the limit.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  ;; Puts the name of a number, two letters, at 0.
  (func $name (param $number i32)
    (i32.store8 (i32.const 0) (i32.add (i32.const 97) (i32.div_u (local.get $number) (i32.const 20))))
    (i32.store8 (i32.const 1) (i32.add (i32.const 97) (i32.rem_u (local.get $number) (i32.const 20)))))

  ;; Makes an empty file and answers 1 if that worked.
  (func $make (param $dir i32) (param $path i32) (param $len i32) (result i32)
    (if (call $path_open (local.get $dir) (i32.const 0) (local.get $path) (local.get $len) (i32.const 1)
          (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 900))
      (then (return (i32.const 0))))
    (i32.eqz (call $fd_close (i32.load (i32.const 900)))))

  ;; Sleeps for so many nanoseconds.
  (func $sleep (param $time i64)
    (memory.fill (i32.const 4096) (i32.const 0) (i32.const 48))
    (i32.store (i32.const 4112) (i32.const 1))
    (i64.store (i32.const 4120) (local.get $time))
    (drop (call $poll_oneoff (i32.const 4096) (i32.const 4200) (i32.const 1) (i32.const 912))))

  (func (export "_start") (local $i i32)
    (loop $next
      (call $name (local.get $i))
      (drop (call $make (i32.add (i32.const 3) (i32.div_u (local.get $i) (i32.const 15))) (i32.const 0) (i32.const 2)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 60))))
    ;; Holds them: what lies in a scratch directory is gone with the run.
    (call $sleep (i64.const 100_000_000))))
