;; A little of what guests do, run by a worker that waits for one: what it touches for the first time is not touched first by the guest.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $sum (param $n i32) (result i32) (local $sum i32)
    (loop $more
      (local.set $sum (i32.add (local.get $sum) (i32.load (i32.shl (local.get $n) (i32.const 2)))))
      (br_if $more (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "_start")
    (i32.store (i32.const 0) (call $sum (i32.const 8)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 16)))))
