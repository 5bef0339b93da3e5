;; Declares a shared memory of one page that may become sixty-four megabytes, grows it to that and touches every page of the host's.
(module
  (memory (export "memory") 1 1024 shared)

  (func (export "_start") (local $at i32)
    (if (i32.eq (memory.grow (i32.const 1023)) (i32.const -1)) (then (return)))
    (loop $next
      (i32.store8 (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const 0x400_0000))))))
