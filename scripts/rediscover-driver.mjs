// Runs sequences of preview 1 calls in `node:wasi`, many in one process, until the guest has left its grant: as rediscover-driver.py, for Node.
//
// Reads from standard input what `sequences emit` writes; the guest is the file that is named. Writes one line of JSON for the first
// descriptor of the process that leads out of the granted folders, canary from outside in the guest's memory, or change of what stands there.

import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WASI } from "node:wasi";

// The guest's layout, as `crates/fuzzing/src/sequences/encode.rs` has it.
const RECORDS = 8192;
// An error number of preview 1.
const NOT_SUPPORTED = 58;

const shm = fs.existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const base = fs.realpathSync(fs.mkdtempSync(join(shm, "gauntlet-sequences")));
const world = `${base}/w`, rw = `${world}/rw`, ro = `${world}/ro`;
const canary = randomBytes(16).toString("hex");

function furnish() {
  fs.rmSync(base, { recursive: true, force: true });
  for (const folder of [base, world, rw, ro, `${rw}/d`, `${ro}/d`, `${world}/outside`]) fs.mkdirSync(folder);
  for (const file of [`${base}/canary`, `${world}/canary`, `${world}/outside/secret`]) fs.writeFileSync(file, `gauntlet-canary-${canary}\n`);
  fs.writeFileSync(`${rw}/f`, "a file that may be written\n");
  fs.writeFileSync(`${rw}/d/g`, "another\n");
  fs.writeFileSync(`${ro}/r`, "to be read and not to be written\n");
  fs.writeFileSync(`${ro}/d/h`, "neither is this\n");
  for (const folder of [rw, ro]) fs.symlinkSync("d", `${folder}/s`);
}

function descriptors() {
  return fs.readdirSync("/proc/self/fd").flatMap((number) => {
    try {
      return [`${number} ${fs.readlinkSync(`/proc/self/fd/${number}`)}`];
    } catch {
      return [];
    }
  });
}

// The guest may shut these, so each gets its own.
const nothing = () => fs.openSync("/dev/null", "r+");
const module = new WebAssembly.Module(fs.readFileSync(process.argv[2]));

/** Runs one sequence; what is thrown is a trap or the guest's end. */
function run(count, image) {
  const wasi = new WASI({
    version: "preview1",
    args: ["guest", "one", "two"],
    env: { GAUNTLET: "fuzz" },
    preopens: { "/rw": rw, "/ro": ro },
    stdin: nothing(),
    stdout: nothing(),
    stderr: nothing(),
  });
  const imports = wasi.getImportObject();
  // It really sends the signal to this process, which would end it.
  imports.wasi_snapshot_preview1.proc_raise = () => NOT_SUPPORTED;
  const instance = new WebAssembly.Instance(module, imports);
  wasi.initialize(instance);
  const guest = instance.exports;
  new Uint8Array(guest.memory.buffer).set(image, RECORDS);
  for (let start = 0; start < count; start = guest.at() + 1) {
    try {
      guest.run(start, count);
      break;
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) break;
    }
  }
  return guest.memory;
}

/** What stands outside, but for the granted folders themselves: moving those is another thing than a way out of them. */
function surroundings() {
  const names = [base, world, `${world}/outside`].map((folder) => fs.readdirSync(folder).filter((name) => !["rw", "ro"].includes(name)));
  const files = [`${base}/canary`, `${world}/canary`, `${world}/outside/secret`].map((file) => {
    const { mode, nlink, mtimeMs } = fs.lstatSync(file);
    return [mode, nlink, mtimeMs, fs.readFileSync(file, "latin1")];
  });
  return JSON.stringify([names, files]);
}

/** What tells of an escape. */
function outside(known, before, memory) {
  let after = "gone";
  try {
    after = surroundings();
  } catch {
    // Then it is not what it was.
  }
  if (before !== after) return { oracle: "outside-changed", message: "names, content, mode, links or times outside changed" };
  for (const open of descriptors()) {
    const path = open.slice(open.indexOf(" ") + 1);
    if (known.has(open) || !path.startsWith(`${base}`)) continue;
    if ([base, world, `${base}/canary`, `${world}/canary`].includes(path) || path.startsWith(`${world}/outside`)) {
      return { oracle: "descriptor-outside-grant", message: `an open descriptor leads to \`BASE${path.slice(base.length)}\`` };
    }
  }
  if (Buffer.from(memory.buffer).includes(canary)) {
    return { oracle: "canary-read", message: "the canary from outside stands in the guest's memory" };
  }
  return null;
}

const input = fs.readFileSync(0);
for (let at = 0; at < input.length; ) {
  const [sequence, count, imageBytes, textBytes] = [0, 4, 8, 12].map((offset) => input.readUInt32LE(at + offset));
  const image = input.subarray(at + 16, at + 16 + imageBytes);
  at += 16 + imageBytes + textBytes;
  // So that it is known which one ran, should the process die.
  process.stderr.write(`at ${sequence}\n`);
  furnish();
  const known = new Set(descriptors());
  const before = surroundings();
  const memory = run(count, image);
  const found = outside(known, before, memory);
  if (found) {
    console.log(JSON.stringify({ case: sequence, ...found, text: input.subarray(at - textBytes, at).toString() }));
    break;
  }
}
fs.rmSync(base, { recursive: true, force: true });
