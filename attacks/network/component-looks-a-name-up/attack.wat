;; Looks up a name that every host knows, and marks if an address comes back.
(component
  (import "wasi:cli/environment@0.2.0" (instance $environment (export "get-arguments" (func (result (list string))))))
  (import "wasi:io/error@0.2.0" (instance $io-error (export "error" (type (sub resource)))))
  (alias export $io-error "error" (type $error))
  (import "wasi:io/streams@0.2.0" (instance $streams
    (export "output-stream" (type $output (sub resource)))
    (export "input-stream" (type $input (sub resource)))
    (alias outer 1 $error (type $outer-error))
    (export "error" (type $inner-error (eq $outer-error)))
    (type $failure (variant (case "last-operation-failed" (own $inner-error)) (case "closed")))
    (export "stream-error" (type $stream-error (eq $failure)))
    (export "[method]output-stream.blocking-write-and-flush" (func
      (param "self" (borrow $output)) (param "contents" (list u8)) (result (result (error $stream-error)))))))
  (alias export $streams "output-stream" (type $output-stream))
  (alias export $streams "input-stream" (type $input-stream))
  (import "wasi:cli/stdout@0.2.0" (instance $stdout
    (alias outer 1 $output-stream (type $outer-output))
    (export "output-stream" (type $output (eq $outer-output)))
    (export "get-stdout" (func (result (own $output))))))
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
  (core func $get-arguments (canon lower (func $environment "get-arguments") (memory $libc "memory") (realloc (func $libc "realloc"))))
  (core func $get-stdout (canon lower (func $stdout "get-stdout")))
  (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush") (memory $libc "memory")))
  (core func $instance-network (canon lower (func $instance-network "instance-network")))
  (core func $resolve (canon lower (func $lookup "resolve-addresses") (memory $libc "memory")))
  (core func $next-address (canon lower (func $lookup "[method]resolve-address-stream.resolve-next-address") (memory $libc "memory")))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "host" "get-arguments" (func $get-arguments (param i32)))
    (import "host" "get-stdout" (func $get-stdout (result i32)))
    (import "host" "write" (func $write (param i32 i32 i32 i32)))
    (import "host" "instance-network" (func $instance-network (result i32)))
    (import "host" "resolve" (func $resolve (param i32 i32 i32 i32)))
    (import "host" "next-address" (func $next-address (param i32 i32)))
    ;; The address of the nonce, which is the first argument.
    (func $nonce (result i32)
      (call $get-arguments (i32.const 64))
      (i32.load offset=8 (i32.load (i32.const 64))))
    ;; The marker: the nonce reversed on standard output.
    (func $mark (local $i i32) (local $nonce i32)
      (local.set $nonce (call $nonce))
      (loop $next
        (i32.store8 (i32.sub (i32.const 143) (local.get $i)) (i32.load8_u (i32.add (local.get $nonce) (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 16))))
      (call $write (call $get-stdout) (i32.const 128) (i32.const 16) (i32.const 160)))
    (data (i32.const 640) "{{host}}")
    (func (export "run") (result i32) (local $tries i32)
      (call $resolve (call $instance-network) (i32.const 640) (i32.const {{length}}) (i32.const 256))
      (if (i32.load8_u (i32.const 256)) (then (return (i32.const 1))))
      (loop $again
        (call $next-address (i32.load (i32.const 260)) (i32.const 272))
        (local.set $tries (i32.add (local.get $tries) (i32.const 1)))
        ;; 8 is `would-block`.
        (br_if $again (i32.and
          (i32.and (i32.load8_u (i32.const 272)) (i32.eq (i32.load8_u (i32.const 274)) (i32.const 8)))
          (i32.lt_u (local.get $tries) (i32.const 100_000)))))
      (if (i32.or (i32.load8_u (i32.const 272)) (i32.eqz (i32.load8_u (i32.const 274)))) (then (return (i32.const 1))))
      (call $mark)
      (i32.const 0)))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance
      (export "get-arguments" (func $get-arguments))
      (export "get-stdout" (func $get-stdout))
      (export "write" (func $write))
      (export "instance-network" (func $instance-network))
      (export "resolve" (func $resolve))
      (export "next-address" (func $next-address))))))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))
