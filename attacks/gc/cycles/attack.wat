;; Makes an object that holds itself and 4 KiB, and forgets it, without end.
(module
  (memory (export "memory") 1)
  (type $bytes (array (mut i8)))
  (type $ring (struct (field $self (mut (ref null $ring))) (field (ref $bytes))))

  (func (export "_start") (local $ring (ref null $ring))
    (loop $more
      (local.set $ring (struct.new $ring (ref.null $ring) (array.new $bytes (i32.const 1) (i32.const 4096))))
      (struct.set $ring $self (local.get $ring) (local.get $ring))
      (br $more))))
