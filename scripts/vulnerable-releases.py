#!/usr/bin/env python3
"""Writes docs/vulnerable-releases.md: published releases of an engine that attacks of the corpus breach, each beside the next published
release with the fix, which contains them. Run it from the repository's root: scripts/vulnerable-releases.py [path of gauntlet].

It downloads each release into the user's cache folder (`gauntlet run --install`). It ends with 1, and writes nothing, if a release that
should be breached is not, or one that should contain its attack does not."""

import datetime
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

# Advisory, its link, attack, target, vulnerable release, fixed release, and what the kernel lacks.
ADVISORIES = "https://github.com/bytecodealliance/wasmtime/security/advisories/"
PAIRS = [
    ("CVE-2026-47261", "GHSA-2r75-cxrj-cmph", "files-write/truncate-on-read-only", "wasmtime-py-files", "44.0.0", "45.0.0", None),
    ("CVE-2026-58494", "GHSA-4ch3-9j33-3pmj", "files-write/rename-out-of-read-only", "wasmtime-py-files", "45.0.0", "46.0.1", None),
    ("GHSA-m63x-6p34-q65x", "GHSA-m63x-6p34-q65x", "regression/fuel-lost-by-call-ref", "wasmtime-py", "48.0.0", "50.0.1", None),
    ("CVE-2025-53901", "GHSA-fm79-3f68-h2fc", "regression/renumber-with-a-witness", "wasmtime-py", "34.0.0", "35.0.0", None),
    ("CVE-2024-30266", "GHSA-75hq-h6g9-h4q5", "regression/dropped-externref-segment", "wasmtime-py", "19.0.0", "20.0.0", None),
    ("GHSA-vqjp-4c8c-hfgg", "GHSA-vqjp-4c8c-hfgg", "regression/symlink-with-trailing-slash", "wasmtime-py", "47.0.1", "48.0.0", "openat2"),
]

HEAD = """# Vulnerable releases

Releases of an engine that have a published advisory and a fix, as live controls of the attacks about them: the attack breaches the
release that the advisory names and is contained by a later one. Each cell is the verdict of one trial, with what the host measured or
what stopped the guest.

Written by `scripts/vulnerable-releases.py` on {date} ({system}, {tool}), from one run a row:
`gauntlet run --install --target TARGET@VULNERABLE --target TARGET@FIXED --filter ATTACK`,
where the kernel is to lack something behind `gauntlet launch --without WHAT --`.

| Advisory | Attack | Target | Vulnerable release | Fixed release |
|---|---|---|---|---|
"""


def trial_of(record, target):
    found = [trial for trial in record["trials"] if trial["target"] == target]
    if len(found) != 1:
        sys.exit(f"{target}: {len(found)} trials, where one was expected")
    return found[0]


def evidence(trial):
    run = next(run for run in trial["runs"] if run["role"] == "attack")
    measured = run["measured"]
    if trial["verdict"] != "breached":
        witnessed = ", witnessed" if trial["witnessed"] else ""
        return f"{trial['cause'] or trial['reason']}{witnessed}"
    if measured.get("host-death"):
        return measured["host-death"]
    if measured.get("changed"):
        return "changed " + ", ".join(change["text"] for change in measured["changed"])
    if measured.get("canaries"):
        return "canary: " + ", ".join(measured["canaries"])
    return trial["obtains"]


def main():
    gauntlet = str(Path(sys.argv[1] if len(sys.argv) > 1 else "target/release/gauntlet").resolve())
    rows, wrong, tool = [], [], ""
    for advisory, ghsa, attack, target, old, new, without in PAIRS:
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder, "report")
            targets = [word for release in (old, new) for word in ("--target", f"{target}@{release}")]
            command = [gauntlet, "run", "--install", *targets, "--filter", attack, "--output", str(output)]
            if without:
                command = [gauntlet, "launch", "--without", without, "--", *command]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            if not (output / "record.json").is_file():
                sys.exit(f"{' '.join(command)} ended with {done.returncode} and left no record")
            record = json.loads((output / "record.json").read_text())
        tool = f"{record['tool']['name']} {record['tool']['version']}"
        cells = []
        for release, expected in ((old, "breached"), (new, "contained")):
            trial = trial_of(record, f"{target}@{release}")
            if trial["verdict"] != expected:
                wrong.append(f"{attack} on {target}@{release}: {trial['verdict']} ({trial['reason']}), expected {expected}")
            cells.append(f"{release}: **{trial['verdict']}** ({evidence(trial)})")
        link = f"[{advisory}]({ADVISORIES}{ghsa})"
        kernel = f", without `{without}`" if without else ""
        rows.append(f"| {link} | `{attack}` | `{target}`{kernel} | {cells[0]} | {cells[1]} |\n")
        print(rows[-1], end="", file=sys.stderr)
    if wrong:
        sys.exit("\n".join(wrong))
    date = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    Path("docs/vulnerable-releases.md").write_text(HEAD.format(date=date, system=system, tool=tool) + "".join(rows))


if __name__ == "__main__":
    main()
