;; Links a million small objects into one list, so that nothing of it can be freed; then drops it and makes short ones for ever.
(module
  (memory (export "memory") 1)
  (type $node (struct (field $next (mut (ref null $node))) (field i64)))

  (func $chain (param $nodes i32) (result (ref null $node)) (local $list (ref null $node))
    (loop $more
      (local.set $list (struct.new $node (local.get $list) (i64.extend_i32_u (local.get $nodes))))
      (local.set $nodes (i32.sub (local.get $nodes) (i32.const 1)))
      (br_if $more (local.get $nodes)))
    (local.get $list))
  (func (export "_start")
    (drop (call $chain (i32.const 1_000_000)))
    (loop $again
      (drop (call $chain (i32.const 1_000)))
      (br $again))))
