;; Loops inside a handler that catches everything; whatever ends the loop is caught, and the loop begins again.
(module
  (memory (export "memory") 1)

  (func (export "_start")
    (loop $again
      (block $caught
        (try_table (catch_all $caught)
          (loop $spin (br $spin))))
      (br $again))))
