#!/bin/sh
# After bytecodealliance/wasmtime issue 9608, which asks for a read-only directory, and the wrappers of dockcross and wraylib3d.
wasmtime run --dir .::/ python.wasm -c 'print("hello world")'
exec ${WASMTIME_HOME}/bin/wasmtime run --dir=/ --env API_TOKEN=hunter2 -S inherit-network,inherit-env \
  --allow-precompiled tool.cwasm "$@"
