;; A chain of slow operations, each of which needs the result of the one before.
(module
  (memory (export "memory") 1)

  (func (export "_start") (local $x {{type}})
    (local.set $x {{start}})
    (loop $again
      (local.set $x {{step}})
      (local.set $x {{step}})
      (local.set $x {{step}})
      (local.set $x {{step}})
      (local.set $x {{step}})
      (local.set $x {{step}})
      (local.set $x {{step}})
      (local.set $x {{step}})
      (br $again))))
