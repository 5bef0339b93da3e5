;; Traps in a function whose name holds lines that two CI servers take for commands.
(module
  (memory (export "memory") 1)

  (func $named (@name "x\n::error title=forged::all contained\n##vso[task.complete result=Succeeded;]done\n") (unreachable))
  (func (export "_start") (call $named)))
