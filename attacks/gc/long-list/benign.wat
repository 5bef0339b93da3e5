;; Keeps sixteen numbers in a list in linear memory and adds them up.
(module
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (memory (export "memory") 1)

  ;; The marker: the nonce, which is the first argument, reversed on standard output.
  (func $mark (local $i i32)
    (drop (call $args_get (i32.const 1024) (i32.const 2048)))
    (loop $next
      (i32.store8 (i32.sub (i32.const 1015) (local.get $i)) (i32.load8_u (i32.add (i32.load (i32.const 1028)) (local.get $i))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 16))))
    (i64.store (i32.const 984) (i64.const 0x10_0000_03e8))
    (drop (call $fd_write (i32.const 1) (i32.const 984) (i32.const 1) (i32.const 992))))

  (func (export "_start") (local $n i32) (local $sum i32)
    (if (block (result i32)
            (loop $more
              (i32.store (i32.add (i32.const 4096) (i32.mul (local.get $n) (i32.const 8))) (local.get $n))
              (i32.store offset=4 (i32.add (i32.const 4096) (i32.mul (local.get $n) (i32.const 8)))
                (i32.sub (i32.add (i32.const 4096) (i32.mul (local.get $n) (i32.const 8))) (i32.const 8)))
              (local.set $n (i32.add (local.get $n) (i32.const 1)))
              (br_if $more (i32.lt_u (local.get $n) (i32.const 16))))
            (local.set $n (i32.const 4216))
            (loop $next
              (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $n))))
              (local.set $n (i32.load offset=4 (local.get $n)))
              (br_if $next (i32.ge_u (local.get $n) (i32.const 4096))))
            (i32.eq (local.get $sum) (i32.const 120)))
      (then (call $mark))
      (else (call $proc_exit (i32.const 1))))))
