"""Runs one preview 1 guest in the Python package `wasmtime`, of any release from 19: options, `--`, the guest's file, its arguments.

Exit code: the guest's own; 70 if it trapped, 71 if it was refused, with the reason on standard error."""

import sys
import threading

import wasmtime

FAILED = 70
REFUSED = 71
# How often the epoch advances, in seconds.
TICK = 0.001


def options(words):
    given = {"dirs": [], "environment": []}
    counts = {"dir": 2, "read-only": 2, "read-only-files": 2, "env": 2}
    while words:
        word = words.pop(0)
        if word == "--":
            return given, words
        name = word.removeprefix("--")
        values = [words.pop(0) for _ in range(counts.get(name, 1))]
        if name == "env":
            given["environment"].append(values)
        elif name in counts:
            given["dirs"].append((name, *values))
        else:
            given[name] = int(values[0])
    sys.exit("no guest: write `--` and its file")


def preopen(wasi, kind, host, guest):
    """Releases before 26 grant directories for reading and writing only; release 50 knows writable or not."""
    if kind == "dir":
        wasi.preopen_dir(host, guest)
    elif hasattr(wasmtime, "DirPerms"):
        both, read = wasmtime.DirPerms.READ_WRITE, wasmtime.DirPerms.READ_ONLY
        wasi.preopen_dir(host, guest, both if kind == "read-only-files" else read, wasmtime.FilePerms.READ_ONLY)
    else:
        try:
            wasi.preopen_dir(host, guest, fs_mutable=False)
        except TypeError:
            wasi.preopen_dir(host, guest)


def main():
    given, (module, *arguments) = options(sys.argv[1:])
    config = wasmtime.Config()
    config.consume_fuel = "fuel" in given
    config.epoch_interruption = "deadline" in given
    if "stack" in given and hasattr(wasmtime.Config, "max_wasm_stack"):
        config.max_wasm_stack = given["stack"]
    # On by default in some releases; where there is a switch, it is on in all.
    for proposal in ["wasm_memory64", "wasm_function_references", "wasm_gc", "wasm_tail_call", "wasm_multi_memory"]:
        if hasattr(wasmtime.Config, proposal):
            setattr(config, proposal, True)
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    store.set_limits(
        memory_size=given.get("memory", -1),
        table_elements=given.get("table-elements", -1),
        instances=given.get("instances", -1),
    )
    if "fuel" in given:
        store.set_fuel(given["fuel"])
    if "deadline" in given:
        store.set_epoch_deadline(max(1, given["deadline"]))

        def tick():
            while True:
                threading.Event().wait(TICK)
                engine.increment_epoch()

        threading.Thread(target=tick, daemon=True).start()
    wasi = wasmtime.WasiConfig()
    wasi.argv = ["guest", *arguments]
    wasi.env = given["environment"]
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    for grant in given["dirs"]:
        preopen(wasi, *grant)
    store.set_wasi(wasi)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    try:
        with open(module, "rb") as file:
            compiled = wasmtime.Module(engine, file.read())
    except wasmtime.WasmtimeError as error:
        print("refused:", str(error)[:2000], file=sys.stderr)
        return REFUSED
    try:
        linker.instantiate(store, compiled).exports(store)["_start"](store)
    except wasmtime.ExitTrap as end:
        return end.code
    except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
        print(str(error)[:2000], file=sys.stderr)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
