#!/bin/bash
# After scripts/wasmtime-wrapper.sh of mitsuhiko/minijinja: tests of a library, which may write to the checkout they are in.
SCRIPT_DIR="$( cd "$( dirname "${BASH_SOURCE[0]}" )" && pwd )"
cd $SCRIPT_DIR/..
wasmtime run -Wmax-wasm-stack=1048576 --env INSTA_WORKSPACE_ROOT=/ --dir "$(pwd)::/" -- "$@"
