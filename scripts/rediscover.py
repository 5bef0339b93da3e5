#!/usr/bin/env python3
"""Writes docs/rediscovery.md: bugs of published releases that the sequence fuzzer finds again from an empty seed, and how many sequences that
took. Run it from the repository's root: scripts/rediscover.py [--sequences N] [--seeds N] [--control N] [--state FILE] [path of the
example `sequences`]. A run that was cut off goes on where it was.

The example is built by `cargo build --release --workspace --example sequences`. Each release of the Python package gets a virtual
environment of its own in the user's cache folder; Node is taken from the path. It ends with 1, and writes nothing, if a bug is not found
with one of the seeds, or anything is found in a release that should be sound."""

import argparse
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DRIVER = Path(__file__).with_name("rediscover-driver.py")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"), "gauntlet", "rediscover")
# Sequences of one process, and the seconds that one of Node may take: some sequences make it stand still.
BATCH = 500
PATIENCE = 20
ADVISORIES = "https://github.com/bytecodealliance/wasmtime/security/advisories/"

# What, its link, release, whether the kernel has `openat2`, and the oracles that tell of it.
BUGS = [
    ("[GHSA-vqjp-4c8c-hfgg](" + ADVISORIES + "GHSA-vqjp-4c8c-hfgg): a symbolic link with a slash behind it leaves the grant",
     "47.0.1", False, {"descriptor-outside-grant", "outside-changed"}),
    ("[CVE-2026-47261](" + ADVISORIES + "GHSA-2r75-cxrj-cmph): a file that may only be read is truncated",
     "44.0.0", True, {"read-only-changed"}),
    ("[CVE-2025-53901](" + ADVISORIES + "GHSA-fm79-3f68-h2fc): `fd_renumber` panics the host",
     "34.0.0", True, {"host-panic"}),
    ("[Descriptors of the host leak](https://github.com/bytecodealliance/wasmtime/pull/13648) in `fd_renumber`",
     "45.0.0", True, {"descriptors-leaked", "descriptors-left-over"}),
]
SOUND = "48.0.0"

HEAD = """# Bugs found again

The sequence fuzzer of `crates/fuzzing` against published releases that have a known bug and a later fix: how many sequences of preview 1
calls it makes, from an empty seed, until an oracle tells of it. Nothing of the bugs is in the generator but what every path walker gets
wrong now and then (`crates/fuzzing/src/sequences/generate.rs`).

Written by `{command}` on {date} ({system}).
Releases run in the Python package `wasmtime` of that number, {batch} sequences a process (`scripts/rediscover-driver.py`); the folders, the
sequences and what is looked at are those of the fuzzer itself. Without `openat2` means that the call answers ENOSYS, as on an old kernel or
in a container that does not know it.

## Bugs

| Bug | Release | `openat2` | Oracle | Sequences until found, seeds 1 to {seeds} |
|---|---|---|---|---|
{bugs}
## Controls

The same sequences where the bugs are mended. Only what an oracle of escapes, panics or leaks tells of counts.

| Sandbox | `openat2` | Sequences, over {control_seeds} | Findings | `path_open` that succeeds | `path_symlink` that succeeds |
|---|---|---|---|---|---|
{controls}
## Node

[`node:wasi`]({node_docs}) is documented as no sandbox for untrusted code: a guest alone leaves its grant by symbolic links. The same
sequences, many in one process (`scripts/rediscover-driver.mjs`); what tells is a descriptor of the process that leads to what lies outside.

| Version | Seed | Sequences until found | Oracle | What was seen |
|---|---|---|---|---|
{node}
The sequence of the first seed, as it was made:

```text
{smallest}```
"""
NODE_DOCS = "https://nodejs.org/docs/latest-v20.x/api/wasi.html#security"


def environment(release):
    python = CACHE / f"wasmtime-{release}" / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", python.parent.parent], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, f"wasmtime=={release}"], check=True)
    return str(python)


def batch(sequences, guest, release, has_openat2, seed, start, count):
    """Runs some sequences in one process. Gives what was found, the health, and the sequence at which the process died, if it did."""
    command = [environment(release), "-I", "-B", str(DRIVER), guest]
    if not has_openat2:
        command = [sequences, "without-openat2", *command]
    emit = subprocess.Popen([sequences, "emit", str(seed), str(start), str(count)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    done = subprocess.run(command, stdin=emit.stdout, capture_output=True, text=True, check=False)
    emit.stdout.close()
    emit.wait()
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    found = [line for line in lines if "oracle" in line]
    health = next((line["health"] for line in lines if "health" in line), None)
    if health is None:
        last = [int(line.split()[1]) for line in done.stderr.splitlines() if line.startswith("at ")]
        # A panic is an abort in this package. Anything else is a fault of ours.
        if done.returncode != -6 or not last:
            sys.exit(f"{release}, seed {seed}: ended with {done.returncode}\n{done.stderr[-2000:]}")
        found.append({"case": last[-1], "oracle": "host-panic", "message": "the process aborted"})
        return found, None, last[-1]
    return found, health, None


def until_found(sequences, guest, release, has_openat2, seed, most, oracles):
    """The number of sequences until an oracle tells, or None."""
    start = 0
    while start < most:
        count = min(BATCH, most - start)
        found, _, died = batch(sequences, guest, release, has_openat2, seed, start, count)
        cases = [one["case"] for one in found if one["oracle"] in oracles]
        if cases:
            first = min(cases)
            return first + 1, next(one["oracle"] for one in found if one["case"] == first and one["oracle"] in oracles)
        start = died + 1 if died is not None else start + count
    return None


def control(sequences, guest, has_openat2, seed, most):
    found, shares, start = [], {"path_open": [0, 0], "path_symlink": [0, 0]}, 0
    while start < most:
        count = min(BATCH, most - start)
        new, health, died = batch(sequences, guest, SOUND, has_openat2, seed, start, count)
        found += [f"seed {seed}, case {one['case']}: {one['oracle']}: {one['message']}" for one in new]
        for name, (ok, every) in (health or {}).items():
            shares[name][0] += ok
            shares[name][1] += every
        start = died + 1 if died is not None else start + count
    return found, [ok / max(every, 1) for ok, every in shares.values()]


def own(sequences, _guest, has_openat2, seed, most):
    """Our executor, in process."""
    command = [sequences, "run", str(seed), str(most)] + ([] if has_openat2 else ["--without-openat2"])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"our executor, seed {seed}: {done.stderr}")
    found = [f"our executor, seed {seed}: {line}" for line in done.stdout.splitlines() if line.startswith(("case", "health"))]
    words = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.startswith("  ")}
    return found, [float(words[name][2]) for name in ("path_open", "path_symlink")]


def on_node(sequences, guest, seed, most):
    """The number of sequences until the guest is outside, or None. A process that dies or stands still has lost only the sequence that
    it ran."""
    start = 0
    while start < most:
        count = min(BATCH // 5, most - start)
        emit = subprocess.run([sequences, "emit", str(seed), str(start), str(count)], stdout=subprocess.PIPE, check=True)
        command = ["node", "--no-warnings", str(DRIVER.with_suffix(".mjs")), guest]
        try:
            done = subprocess.run(command, input=emit.stdout, capture_output=True, check=False, timeout=PATIENCE)
            out, errors, code = done.stdout, done.stderr, done.returncode
        except subprocess.TimeoutExpired as late:
            out, errors, code = late.stdout or b"", late.stderr or b"", -9
        for line in out.decode().splitlines():
            found = json.loads(line)
            return found["case"] + 1, found["oracle"], found["message"], found["text"]
        last = [int(line.split()[1]) for line in errors.decode().splitlines() if line.startswith("at ")]
        if code > 0 or not last:
            sys.exit(f"node, seed {seed}: ended with {code}\n{errors[-2000:]}")
        start = last[-1] + 1
    return None


class State:
    """Rows that are done, so that a run that was cut off goes on where it was."""

    def __init__(self, path):
        self.path = Path(path)
        self.rows = json.loads(self.path.read_text()) if self.path.is_file() else {}

    def row(self, key, make):
        if key not in self.rows:
            self.rows[key] = make()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(self.rows, indent=1))
            print(key, self.rows[key], file=sys.stderr, flush=True)
        return self.rows[key]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("example", nargs="?", default="target/release/examples/sequences")
    parser.add_argument("--sequences", type=int, default=20_000, help="most sequences for each bug and seed")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--control", type=int, default=20_000, help="sequences for each control and seed")
    parser.add_argument("--state", default="target/rediscovery.json", help="rows that are done; remove it to begin anew")
    given = parser.parse_args()
    if not shutil.which("node"):
        sys.exit("there is no node")
    sequences, state, seeds = str(Path(given.example).resolve()), State(given.state), range(1, given.seeds + 1)
    wrong, bugs, controls, node, smallest = [], [], [], [], ""
    with tempfile.TemporaryDirectory() as folder:
        guest = str(Path(folder, "interpreter.wasm"))
        Path(guest).write_bytes(subprocess.run([sequences, "interpreter"], check=True, stdout=subprocess.PIPE).stdout)
        for what, release, has_openat2, oracles in BUGS:
            after = [
                state.row(f"{release}, seed {seed}, most {given.sequences}",
                          lambda: until_found(sequences, guest, release, has_openat2, seed, given.sequences, oracles))
                for seed in seeds
            ]
            wrong += [f"{release}, seed {seed}: not found" for seed, one in zip(seeds, after) if one is None]
            told = ", ".join(sorted({f"`{one[1]}`" for one in after if one}))
            counts = ", ".join(f"{one[0]:,}" if one else "-" for one in after)
            bugs.append(f"| {what} | {release} | {'yes' if has_openat2 else 'no'} | {told} | {counts} |\n")
        version = subprocess.run(["node", "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        for seed in seeds:
            row = state.row(f"node {version}, seed {seed}, most {given.sequences}", lambda: on_node(sequences, guest, seed, given.sequences))
            if row is None:
                wrong.append(f"node, seed {seed}: not found")
                continue
            count, oracle, seen, small = row
            node.append(f"| {version} | {seed} | {count:,} | `{oracle}` | {seen} |\n")
            smallest = smallest or small
        for has_openat2 in (False, True):
            for name, run in ((f"`wasmtime` {SOUND}, Python package", control), ("our executor, in process", own)):
                kernel = "yes" if has_openat2 else "no"
                rows = [
                    state.row(f"{name}, openat2 {kernel}, seed {seed}, {given.control}",
                              lambda: run(sequences, guest, has_openat2, seed, given.control))
                    for seed in seeds
                ]
                found = [one for row in rows for one in row[0]]
                opened, linked = (sum(row[1][at] for row in rows) / len(rows) for at in (0, 1))
                wrong += found
                total = f"{given.control * len(seeds):,}"
                controls.append(f"| {name} | {kernel} | {total} | {len(found)} | {opened:.2f} | {linked:.2f} |\n")
    if wrong:
        sys.exit("\n".join(wrong))
    options = [word for word in sys.argv[1:] if word.startswith("--") and not word.startswith("--state") or word.isdigit()]
    text = HEAD.format(
        command=" ".join(["scripts/rediscover.py", *options]),
        date=datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        batch=BATCH, seeds=given.seeds, control_seeds=f"{given.seeds} seeds", bugs="".join(bugs), controls="".join(controls),
        node="".join(node), node_docs=NODE_DOCS, smallest=smallest)
    Path("docs/rediscovery.md").write_text(text)


if __name__ == "__main__":
    main()
