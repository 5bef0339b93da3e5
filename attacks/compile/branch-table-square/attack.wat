;; A hundred and sixty nested blocks, and within them as many tables of branches to all of them. Nobody calls the function.
(module
  (memory (export "memory") 1)

  (func (param i32)
    {{blocks}}
    {{tables}}
    {{ends}})
  (func (export "_start")))
