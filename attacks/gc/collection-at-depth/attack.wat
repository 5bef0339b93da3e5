;; Five thousand frames that each hold an object; then garbage is made for ever, above all of them.
(module
  (memory (export "memory") 1)
  (type $bytes (array (mut i8)))

  (func $down (param $n i32) (param $mine (ref $bytes)) (result i32)
    (if (i32.eqz (local.get $n))
      (then
        (loop $again
          (drop (array.new_default $bytes (i32.const 0x8000)))
          (br $again))))
    (i32.add
      (call $down (i32.sub (local.get $n) (i32.const 1)) (array.new_default $bytes (i32.const 1)))
      (array.len (local.get $mine))))
  (func (export "_start")
    (drop (call $down (i32.const 5000) (array.new_default $bytes (i32.const 1))))))
