;; The module that was signed.
(module
  ;; Signed with `cargo run --release -p gauntlet-sandbox --example sign_module`, whose key is in the policy: sign again after a change.
  (@custom "signature" (before first) "\01\01\01\01\66\01\d6\ce\f8\e0\0e\92\b9\91\bb\8f\fe\62\e9\92\22\e3\22\3d\f4\db\93\25\c2\8d\5d\f9\54\f5\3e\e0\94\b2\01\43\00\01\40\5d\b5\50\48\1a\3f\70\5e\5f\72\1f\b2\4b\33\9c\e0\9d\88\14\1e\00\f4\7b\c1\86\76\a1\14\e5\89\9f\5a\63\60\02\32\92\d8\27\8b\f6\11\06\ad\e1\19\2b\da\22\af\95\30\c3\58\e6\cd\89\cb\b0\c4\d6\af\87\07")
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
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

  (func (export "_start") (call $mark)))
