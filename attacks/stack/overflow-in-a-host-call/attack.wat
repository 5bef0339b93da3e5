;; Goes one frame deeper and calls the host, without end: sooner or later a host call begins with next to no stack left.
(module
  (import "wasi_snapshot_preview1" "{{function}}" (func $call {{type}}))
  (memory (export "memory") 1)

  (func $down (param $n i32) (result i32)
    (drop {{call}})
    (i32.add (call $down (i32.add (local.get $n) (i32.const 1))) (local.get $n)))
  (func (export "_start")
    (drop (call $down (i32.const 0)))))
