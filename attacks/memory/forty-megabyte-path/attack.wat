;; A path that is as long as the guest's memory, of which the guest itself has touched no page.
(module
  (import "wasi_snapshot_preview1" "{{function}}" (func $call {{type}}))
  (memory (export "memory") 641)

  (func (export "_start")
    (drop {{call}})))
