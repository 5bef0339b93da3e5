;; Puts five numbers on the operand stack and folds them.
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

  (func $five (param i64) (result i64)
    (local.tee 0 (i64.mul (local.get 0) (i64.const 31)))
    (local.tee 0 (i64.mul (local.get 0) (i64.const 31)))
    (local.tee 0 (i64.mul (local.get 0) (i64.const 31)))
    (local.tee 0 (i64.mul (local.get 0) (i64.const 31)))
    (local.tee 0 (i64.mul (local.get 0) (i64.const 31)))
    i64.xor i64.xor i64.xor i64.xor)

  (func (export "_start")
    (if (i64.eq (call $five (i64.const 2)) (i64.const 0x375713e))
      (then (call $mark))
      (else (call $proc_exit (i32.const 1))))))
