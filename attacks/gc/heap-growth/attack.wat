;; Keeps a list of arrays of 64 KiB that never becomes garbage and never ends.
(module
  (memory (export "memory") 1)

  (type $bytes (array (mut i8)))
  (type $node (struct (field (ref null $node)) (field (ref $bytes))))
  (func (export "_start") (local $list (ref null $node))
    (loop $more
      (local.set $list (struct.new $node (local.get $list) (array.new $bytes (i32.const 1) (i32.const 65536))))
      (br $more))))
