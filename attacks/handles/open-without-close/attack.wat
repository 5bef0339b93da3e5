;; Opens one file 256 times; if it got that far, it sleeps with all of them open, so that the host can count them.
(module
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "input.txt")

  ;; A subscription of the monotonic clock at 512; its event goes to 576, the number of events to 640.
  (func $sleep (param $timeout i64) (param $flags i32) (result i32)
    (i32.store (i32.const 528) (i32.const 1))
    (i64.store (i32.const 536) (local.get $timeout))
    (i32.store16 (i32.const 552) (local.get $flags))
    (call $poll_oneoff (i32.const 512) (i32.const 576) (i32.const 1) (i32.const 640)))

  ;; Opens a file so many times, closing none, and answers how often it worked.
  (func $open (param $wanted i32) (result i32) (local $done i32)
    (loop $next
      (if (i32.eqz (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0)
            (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 900)))
        (then
          (local.set $done (i32.add (local.get $done) (i32.const 1)))
          (br_if $next (i32.lt_u (local.get $done) (local.get $wanted))))))
    (local.get $done))

  (func (export "_start")
    (if (i32.gt_u (call $open (i32.const 256)) (i32.const 64))
      (then (drop (call $sleep (i64.const 5_000_000_000) (i32.const 0)))))))
