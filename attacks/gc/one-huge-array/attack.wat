;; Asks for an array whose elements take 48 MiB together; then for one whose size in bytes does not fit 32 bits.
(module
  (memory (export "memory") 1)
  (type $row (array (mut {{type}})))

  (func $length (export "length") (param i32) (result i32)
    (array.len (array.new $row {{value}} (local.get 0))))
  (func (export "_start")
    (drop (call $length (i32.const {{length}})))
    (drop (call $length (i32.const -1)))))
