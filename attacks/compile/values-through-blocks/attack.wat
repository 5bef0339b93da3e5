;; A thousand values on the operand stack, and two hundred blocks after each other that take and give them all. Nobody calls the function.
(module
  (type $wide (func (param{{thousand-types}}) (result{{thousand-types}})))
  (memory (export "memory") 1)

  (func (param i64)
    {{thousand-values}}
    {{blocks}}
    {{thousand-drops}})
  (func (export "_start")))
