;; Calls, without end, a function that has nothing to work on.
(module
  (import "wasi_snapshot_preview1" "{{function}}" (func $call {{type}}))
  (memory (export "memory") 1)

  (func (export "_start")
    (loop $again
      (drop (call $call {{arguments}}))
      (br $again))))
