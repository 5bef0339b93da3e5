;; Opens three files at a time, renumbers the second onto the first and closes none; if it got far, it sleeps with all of them open.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_renumber" (func $fd_renumber (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "input.txt")

  ;; Opens the file and answers with its descriptor, or -1.
  (func $file (result i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 9) (i32.const 0)
          (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 900))
      (then (return (i32.const -1))))
    (i32.load (i32.const 900)))

  ;; Sleeps for so many nanoseconds.
  (func $sleep (param $time i64)
    (memory.fill (i32.const 4096) (i32.const 0) (i32.const 48))
    (i32.store (i32.const 4112) (i32.const 1))
    (i64.store (i32.const 4120) (local.get $time))
    (drop (call $poll_oneoff (i32.const 4096) (i32.const 4200) (i32.const 1) (i32.const 912))))

  (func (export "_start") (local $done i32) (local $tries i32) (local $fd i32)
    (loop $next
      (local.set $fd (call $file))
      (if (i32.ne (local.get $fd) (i32.const -1))
        (then
          (drop (call $file))
          (if (i32.eqz (call $fd_renumber (i32.load (i32.const 900)) (local.get $fd)))
              (then (local.set $done (i32.add (local.get $done) (i32.const 1)))))
          (drop (call $file))))
      (local.set $tries (i32.add (local.get $tries) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $tries) (i32.const 128))))
    (if (i32.gt_u (local.get $done) (i32.const 64)) (then (call $sleep (i64.const 5_000_000_000))))))
