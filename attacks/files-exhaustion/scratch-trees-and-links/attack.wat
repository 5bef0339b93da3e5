;; In a scratch directory: makes four hundred names that are no files; if it got far, it sleeps, since they are gone with the run.
(module
  (import "wasi_snapshot_preview1" "path_symlink" (func $path_symlink (param i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory" (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "nowhere")

  ;; Puts the name of a number, two letters, at 0.
  (func $name (param $number i32)
    (i32.store8 (i32.const 0) (i32.add (i32.const 97) (i32.div_u (local.get $number) (i32.const 20))))
    (i32.store8 (i32.const 1) (i32.add (i32.const 97) (i32.rem_u (local.get $number) (i32.const 20)))))

  ;; Sleeps for so many nanoseconds.
  (func $sleep (param $time i64)
    (memory.fill (i32.const 4096) (i32.const 0) (i32.const 48))
    (i32.store (i32.const 4112) (i32.const 1))
    (i64.store (i32.const 4120) (local.get $time))
    (drop (call $poll_oneoff (i32.const 4096) (i32.const 4200) (i32.const 1) (i32.const 912))))

  (func (export "_start") (local $i i32) (local $done i32)
    (loop $next
      (call $name (local.get $i))
      (if (i32.eqz {{call}}) (then (local.set $done (i32.add (local.get $done) (i32.const 1)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 400))))
    (if (i32.gt_u (local.get $done) (i32.const 100)) (then (call $sleep (i64.const 5_000_000_000))))))
