;; Works for ever in a function that is called by reference; the empty call behind it wrote the caller's stale fuel back.
(module
  (type $work (func))
  (memory (export "memory") 1)
  (elem declare func $burn)
  (func $burn (type $work) (local $i i32)
    (local.set $i (i32.const 100000))
    (loop $again (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))
  (func $empty)
  (func (export "_start")
    (loop $for-ever
      (call_ref $work (ref.func $burn))
      (call $empty)
      (br $for-ever))))
