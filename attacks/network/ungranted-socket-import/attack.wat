;; Opens a socket through imports outside preview 1 and connects to the harness on the loopback interface. The port is the last
;; four digits of the nonce.
(module
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_open" (func $sock_open (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_connect" (func $sock_connect (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  (func $port (result i32) (local $i i32) (local $digit i32) (local $port i32)
    (drop (call $args_get (i32.const 1024) (i32.const 2048)))
    (local.set $i (i32.const 12))
    (loop $next
      (local.set $digit (i32.load8_u (i32.add (i32.load (i32.const 1028)) (local.get $i))))
      (local.set $digit (i32.sub (local.get $digit)
        (select (i32.const 87) (i32.const 48) (i32.ge_u (local.get $digit) (i32.const 97)))))
      (local.set $port (i32.or (i32.shl (local.get $port) (i32.const 4)) (local.get $digit)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (i32.const 16))))
    (local.get $port))
  (func (export "_start")
    (if (i32.eqz (call $sock_open (i32.const 1) (i32.const 2) (i32.const 900)))
      (then (drop (call $sock_connect (i32.load (i32.const 900)) (i32.const 0x7f000001) (call $port)))))))
