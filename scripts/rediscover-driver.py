"""Runs sequences of preview 1 calls in the Python package `wasmtime`, many in one process, and says what no sandbox should let happen.

Reads from standard input what `sequences emit` writes; the guest is the file that is named. Writes one line of JSON for each finding and
one for the health at the end. `at N` on standard error tells which sequence is about to run, so that it is known when the process dies."""

import gc
import json
import os
import struct
import sys
import tempfile

import wasmtime

# The guest's layout, as `crates/fuzzing/src/sequences/encode.rs` has it.
RECORDS, RECORD, CENSUS, CENSUS_COUNT = 8192, 96, 4096, 64
NOT_REACHED = 0xFFFF
FUEL = 10_000_000
CANARY = os.urandom(16).hex().encode()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


class World:
    """The folders, and descriptors on what must not change."""

    def __init__(self):
        shm = "/dev/shm"
        self.folder = tempfile.TemporaryDirectory(dir=shm if os.access(shm, os.W_OK) else None)
        self.base = os.path.realpath(self.folder.name)
        self.world = f"{self.base}/w"
        self.rw, self.ro = f"{self.world}/rw", f"{self.world}/ro"
        for folder in ("", "/rw", "/ro", "/ro/d", "/outside"):
            os.mkdir(self.world + folder)
        for file in ("/canary", "/w/canary", "/w/outside/secret"):
            write(self.base + file, b"gauntlet-canary-" + CANARY + b"\n")
        names = ["", "/canary", "/w", "/w/canary", "/w/outside", "/w/outside/secret"]
        self.held = [(name or ".", os.open(self.base + name, os.O_RDONLY)) for name in names]
        self.read_only = []
        self.furnish_read_only()
        self.furnish()
        self.outside = self.seen(self.held)

    def furnish(self):
        write(f"{self.rw}/f", b"a file that may be written\n")
        os.mkdir(f"{self.rw}/d")
        write(f"{self.rw}/d/g", b"another\n")
        os.symlink("d", f"{self.rw}/s")

    def furnish_read_only(self):
        if self.read_only:
            for name in ("r", "d/h"):
                os.close(self.read_only.pop()[1])
            empty(self.ro)
            os.mkdir(f"{self.ro}/d")
        self.texts = {"r": b"to be read and not to be written\n", "d/h": b"neither is this\n"}
        for name, text in self.texts.items():
            write(f"{self.ro}/{name}", text)
        os.symlink("d", f"{self.ro}/s")
        self.read_only = [(name, os.open(f"{self.ro}/{name}", os.O_RDONLY)) for name in self.texts]
        self.listed = self.listing()

    def listing(self):
        """Of the folder itself and the one in it, when their names last changed."""
        return [os.stat(folder).st_ctime_ns if os.path.isdir(folder) else 0 for folder in (self.ro, f"{self.ro}/d")]

    @staticmethod
    def seen(held):
        stats = [os.fstat(number) for _, number in held]
        return [(s.st_mode, s.st_nlink, s.st_uid, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in stats]

    def changed_outside(self):
        now = self.seen(self.held)
        return [name for (name, _), one, other in zip(self.held, now, self.outside) if one != other]

    def changed_read_only(self):
        """Files whose content changed in their place: a rename out of the folder is another bug than a write into it."""
        changed = []
        for name, number in self.read_only:
            same = os.pread(number, 1000, 0) == self.texts[name]
            stat = os.fstat(number)
            if not same and stat.st_nlink == 1:
                changed.append(name)
        return changed

    def reset(self):
        empty(self.rw)
        self.furnish()
        stale = any(os.fstat(number).st_nlink != 1 for _, number in self.read_only)
        if stale or self.listing() != self.listed or self.changed_read_only():
            self.furnish_read_only()

    def descriptors(self, known):
        found = []
        for number in os.listdir("/proc/self/fd"):
            try:
                path = os.readlink(f"/proc/self/fd/{number}")
            except OSError:
                continue
            if path.startswith("/") and not path.startswith("/proc/") and (number, path) not in known:
                found.append((number, path))
        return found

    def beneath(self, found):
        return [path for _, path in found if path.startswith((self.rw + "/", self.ro + "/"))]


def empty(folder):
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            empty(entry.path)
            os.rmdir(entry.path)
        else:
            os.unlink(entry.path)


def preopen(wasi, world):
    wasi.preopen_dir(world.rw, "/rw")
    if hasattr(wasmtime, "DirPerms"):
        # As an embedder has it who takes the permissions of files for those of the directory: what the advisory on truncation is about.
        wasi.preopen_dir(world.ro, "/ro", wasmtime.DirPerms.READ_WRITE, wasmtime.FilePerms.READ_ONLY)
    else:
        wasi.preopen_dir(world.ro, "/ro", fs_mutable=False)


class Guest:
    def __init__(self, engine, linker, module, world):
        self.store = wasmtime.Store(engine)
        self.store.set_limits(memory_size=1 << 20)
        wasi = wasmtime.WasiConfig()
        wasi.argv = ["guest", "one", "two"]
        wasi.env = [["GAUNTLET", "fuzz"]]
        preopen(wasi, world)
        self.store.set_wasi(wasi)
        self.store.set_fuel(FUEL)
        exports = linker.instantiate(self.store, module).exports(self.store)
        self.memory, self.run, self.at, self.census = (exports[name] for name in ("memory", "run", "at", "census"))

    def sequence(self, count, image):
        self.memory.write(self.store, image, RECORDS)
        start = 0
        while True:
            try:
                self.store.set_fuel(FUEL)
                self.run(self.store, start, count)
                return
            except wasmtime.ExitTrap:
                return
            except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
                if "fuel" in str(error):
                    return
                self.store.set_fuel(FUEL)
                start = self.at(self.store) + 1
                if start >= count:
                    return

    def files(self):
        """Device and number of each file that the guest has a descriptor of."""
        self.store.set_fuel(FUEL)
        self.census(self.store)
        found = self.memory.read(self.store, CENSUS, CENSUS + 64 * CENSUS_COUNT)
        stats = [struct.unpack_from("<QQ", found, 64 * number) for number in range(CENSUS_COUNT)]
        return [stat for stat in stats if stat[1]]


def main():
    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    with open(sys.argv[1], "rb") as file:
        module = wasmtime.Module(engine, file.read())
    world = World()
    warm = Guest(engine, linker, module, world)
    warm.sequence(0, b"")
    roots = warm.files()
    del warm
    known = world.descriptors([])
    opened, linked, source = [0, 0], [0, 0], sys.stdin.buffer

    def tell(case, oracle, message, text):
        print(json.dumps({"case": case, "oracle": oracle, "message": message, "text": text}), flush=True)

    while head := source.read(16):
        case, count, image_bytes, text_bytes = struct.unpack("<IIII", head)
        image, text = source.read(image_bytes), source.read(text_bytes).decode()
        print("at", case, file=sys.stderr, flush=True)
        guest = Guest(engine, linker, module, world)
        guest.sequence(count, image)
        found = world.descriptors(known)
        for _, path in found:
            # The runtime counts processors now and then.
            if not path.startswith((world.rw, world.ro, "/sys/devices/system/cpu/")):
                tell(case, "descriptor-outside-grant", path.replace(world.base, "BASE"), text)
                break
        memory = bytes(guest.memory.read(guest.store))
        if CANARY in memory:
            tell(case, "canary-read", "the canary from outside stands in the guest's memory", text)
        for call, record in enumerate(range(RECORDS, RECORDS + count * RECORD, RECORD)):
            function, errno = struct.unpack_from("<II", memory, record)
            tally = {"path_open(": opened, "path_symlink(": linked}
            for name, counts in tally.items():
                if errno != NOT_REACHED and name in text.splitlines()[call]:
                    counts[0] += errno == 0
                    counts[1] += 1
        held = world.beneath(found)
        if held:
            files = [file for file in guest.files() if file not in roots]
            if len(held) > len(files):
                tell(case, "descriptors-leaked", f"the host holds {len(held)} files, the guest has {len(files)}", text)
        del guest, memory
        left = world.descriptors(known)
        if world.beneath(left):
            # An exception may keep the guest alive until somebody looks for cycles.
            gc.collect()
            left = world.descriptors(known)
        if world.beneath(left):
            tell(case, "descriptors-left-over", f"{len(world.beneath(left))} files are open and no guest is left", text)
            known += left
        changed = world.changed_outside()
        if changed:
            tell(case, "outside-changed", ", ".join(changed), text)
        written = world.changed_read_only()
        if written:
            tell(case, "read-only-changed", ", ".join(written), text)
        if changed:
            # What is outside is made anew, and with it all else.
            for _, number in world.held + world.read_only:
                os.close(number)
            world = World()
            known = world.descriptors([])
        else:
            world.reset()
    print(json.dumps({"health": {"path_open": opened, "path_symlink": linked}}), flush=True)


if __name__ == "__main__":
    main()
