#!/bin/bash -eu
# Builds every target and hands out its seeds, the dictionary and the options that the engine needs under the sanitizer.
cd "$SRC/gauntlet"
TARGETS="core_modules limits many_runs components corpus_mutations differential jobs policies reports judge wasi_sequences"

cargo fuzz build -O --debug-assertions --strip-dead-code
cargo run --release -- fuzz seeds fuzz

for target in $TARGETS; do
  cp "fuzz/target/x86_64-unknown-linux-gnu/release/$target" "$OUT/"
  cp fuzz/dict/gauntlet.dict "$OUT/$target.dict"
  zip -jqr "$OUT/${target}_seed_corpus.zip" "fuzz/seeds/$target"
  printf '[asan]\nallow_user_segv_handler=1\nhandle_sigill=0\nhandle_sigsegv=1\n' > "$OUT/$target.options"
done
