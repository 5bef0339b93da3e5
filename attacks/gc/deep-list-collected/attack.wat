;; Links fifty thousand objects to a chain, drops the chain by its first link, and does so again until everything is used up.
(module
  (memory (export "memory") 1)
  (type $node (struct (field (mut (ref null $node)))))

  (func $chain (param $nodes i32) (result (ref null $node)) (local $list (ref null $node))
    (loop $more
      (local.set $list (struct.new $node (local.get $list)))
      (local.set $nodes (i32.sub (local.get $nodes) (i32.const 1)))
      (br_if $more (local.get $nodes)))
    (local.get $list))
  (func (export "_start")
    (loop $again
      (drop (call $chain (i32.const 50_000)))
      (br $again))))
