;; Looks up a name, without a grant, that holds sequences which a terminal acts upon.
(component
  (import "wasi:sockets/network@0.2.0" (instance $network
    (export "network" (type (sub resource)))
    (type $code (enum
      "unknown" "access-denied" "not-supported" "invalid-argument" "out-of-memory" "timeout" "concurrency-conflict"
      "not-in-progress" "would-block" "invalid-state" "new-socket-limit" "address-not-bindable" "address-in-use" "remote-unreachable"
      "connection-refused" "connection-reset" "connection-aborted" "datagram-too-large" "name-unresolvable" "temporary-resolver-failure" "permanent-resolver-failure"))
    (export "error-code" (type (eq $code)))
    (type $family (enum "ipv4" "ipv6"))
    (export "ip-address-family" (type (eq $family)))
    (type $four (tuple u8 u8 u8 u8))
    (export "ipv4-address" (type $ipv4-address (eq $four)))
    (type $six (tuple u16 u16 u16 u16 u16 u16 u16 u16))
    (export "ipv6-address" (type $ipv6-address (eq $six)))
    (type $any-address (variant (case "ipv4" $ipv4-address) (case "ipv6" $ipv6-address)))
    (export "ip-address" (type (eq $any-address)))
    (type $four-port (record (field "port" u16) (field "address" $ipv4-address)))
    (export "ipv4-socket-address" (type $ipv4-socket-address (eq $four-port)))
    (type $six-port (record (field "port" u16) (field "flow-info" u32) (field "address" $ipv6-address) (field "scope-id" u32)))
    (export "ipv6-socket-address" (type $ipv6-socket-address (eq $six-port)))
    (type $any-port (variant (case "ipv4" $ipv4-socket-address) (case "ipv6" $ipv6-socket-address)))
    (export "ip-socket-address" (type (eq $any-port)))))
  (alias export $network "network" (type $network-handle))
  (alias export $network "error-code" (type $error-code))
  (alias export $network "ip-address-family" (type $ip-address-family))
  (alias export $network "ip-address" (type $ip-address))
  (alias export $network "ip-socket-address" (type $ip-socket-address))
  (import "wasi:sockets/instance-network@0.2.0" (instance $instance-network
    (alias outer 1 $network-handle (type $outer-network))
    (export "network" (type $network (eq $outer-network)))
    (export "instance-network" (func (result (own $network))))))
  (import "wasi:sockets/ip-name-lookup@0.2.0" (instance $lookup
    (export "resolve-address-stream" (type $answers (sub resource)))
    (alias outer 1 $network-handle (type $outer-network))
    (export "network" (type $network (eq $outer-network)))
    (alias outer 1 $error-code (type $outer-code))
    (export "error-code" (type $error-code (eq $outer-code)))
    (alias outer 1 $ip-address (type $outer-address))
    (export "ip-address" (type $ip-address (eq $outer-address)))
    (export "resolve-addresses" (func
      (param "network" (borrow $network)) (param "name" string) (result (result (own $answers) (error $error-code)))))
    (export "[method]resolve-address-stream.resolve-next-address" (func
      (param "self" (borrow $answers)) (result (result (option $ip-address) (error $error-code)))))))
  ;; Memory and an allocator that never frees: the lowered functions need both before the guest can be instantiated.
  (core module $libc
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (global.set $top (i32.and (i32.add (global.get $top) (i32.const 7)) (i32.const -8)))
      (global.get $top)
      (global.set $top (i32.add (global.get $top) (local.get 3)))))
  (core instance $libc (instantiate $libc))
  (core func $instance-network (canon lower (func $instance-network "instance-network")))
  (core func $resolve (canon lower (func $lookup "resolve-addresses") (memory $libc "memory")))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "host" "instance-network" (func $instance-network (result i32)))
    (import "host" "resolve" (func $resolve (param i32 i32 i32 i32)))
    (data (i32.const 640) "\1b[2J\1b[32mall contained")
    (func (export "run") (result i32)
      (call $resolve (call $instance-network) (i32.const 640) (i32.const 22) (i32.const 256))
      (i32.load8_u (i32.const 256))))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "instance-network" (func $instance-network))
      (export "resolve" (func $resolve))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
