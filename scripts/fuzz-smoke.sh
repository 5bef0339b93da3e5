#!/usr/bin/env bash
# Checks that every target of `fuzz/` builds on the stable compiler. With `--run`, builds them with coverage as cargo-fuzz does and runs
# each for SECONDS_EACH (5) seconds from its seeds: that takes about ten minutes of CPU time, since the engine is compiled once more.
set -euo pipefail
cd "$(dirname "$0")/.."
CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target/fuzz}"
export CARGO_TARGET_DIR

cargo check --manifest-path fuzz/Cargo.toml --locked --bins
if [ "${1:-}" != "--run" ]; then
  exit 0
fi
command -v cargo-fuzz > /dev/null || { echo "cargo-fuzz is not installed: cargo install cargo-fuzz --locked" >&2; exit 4; }
cargo fuzz build -s none --codegen-units 16
CARGO_TARGET_DIR=target cargo run --release -- fuzz seeds fuzz
targets=$(sed -n 's/^name = "\([a-z_]*\)"$/\1/p' fuzz/Cargo.toml)
for target in $targets; do
  case "$target" in sanitizer_selftest) continue ;; esac
  mkdir -p "fuzz/corpus/$target"
  echo "== $target"
  cargo fuzz run -s none --codegen-units 16 "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
    -dict=fuzz/dict/gauntlet.dict -max_total_time="${SECONDS_EACH:-5}" -rss_limit_mb=4096
done
