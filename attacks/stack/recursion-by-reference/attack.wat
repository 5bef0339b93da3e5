;; A function that calls whatever a global refers to, which is itself, without end.
(module
  (memory (export "memory") 1)
  (type $step (func (param i64) (result i64)))
  (global $self (mut (ref null $step)) (ref.null $step))
  (elem declare func $down)

  (func $down (type $step)
    (i64.add
      (call_ref $step (i64.add (local.get 0) (i64.const 1)) (global.get $self))
      (local.get 0)))
  (func (export "_start")
    (global.set $self (ref.func $down))
    (drop (call $down (i64.const 0)))))
