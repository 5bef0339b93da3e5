// The JavaScript guest: runs the script that comes first on standard input; what follows is the script's own standard input.
//
// The first line is `<bytes of the name> <bytes of the script>`; name and script follow it at once. The engine has no streams, files or
// process of its own here: what a script needs of them is below, over WASI.

import { getArguments, getEnvironment } from 'wasi:cli/environment@0.2.12';
import { exitWithCode } from 'wasi:cli/exit@0.2.12';
import { getStderr } from 'wasi:cli/stderr@0.2.12';
import { getStdin } from 'wasi:cli/stdin@0.2.12';
import { getStdout } from 'wasi:cli/stdout@0.2.12';
import { getDirectories } from 'wasi:filesystem/preopens@0.2.12';
import * as tcpCreate from 'wasi:sockets/tcp-create-socket@0.2.12';
import * as udpCreate from 'wasi:sockets/udp-create-socket@0.2.12';

// A stream of WASI takes no more in one piece.
const PIECE = 4096;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

// ---- streams

function writer(open) {
  let stream;
  return (data) => {
    stream ??= open();
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    for (let at = 0; at < bytes.length; at += PIECE) {
      stream.blockingWriteAndFlush(bytes.subarray(at, at + PIECE));
    }
    return true;
  };
}

const out = writer(getStdout);
const err = writer(getStderr);

const input = {
  stream: undefined,
  kept: new Uint8Array(0),
  ended: false,
  more() {
    if (this.ended) return false;
    this.stream ??= getStdin();
    try {
      this.kept = joined([this.kept, this.stream.blockingRead(65536n)]);
    } catch {
      // The end is told by an error.
      this.ended = true;
    }
    return !this.ended;
  },
  take(count) {
    const taken = this.kept.slice(0, count);
    this.kept = this.kept.slice(taken.length);
    return taken;
  },
  line() {
    let end;
    while ((end = this.kept.indexOf(10)) < 0 && this.more());
    if (end < 0 && this.kept.length === 0) return null;
    const line = this.take(end < 0 ? this.kept.length : end + 1);
    return decoder.decode(end < 0 ? line : line.subarray(0, -1));
  },
  exactly(count) {
    while (this.kept.length < count && this.more());
    return this.take(count);
  },
  rest() {
    while (this.more());
    return this.take(this.kept.length);
  },
};

function joined(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

// ---- console

const DEPTH = 3;
const ITEMS = 100;

function quoted(text) {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

function shown(value, depth = 0, above = []) {
  switch (typeof value) {
    case 'string': return depth === 0 ? value : quoted(value);
    case 'bigint': return `${value}n`;
    case 'symbol': return value.toString();
    case 'number': return Object.is(value, -0) ? '-0' : String(value);
    case 'function': return `[${/^class\b/.test(Function.prototype.toString.call(value)) ? 'class' : 'Function'}${value.name ? `: ${value.name}` : ''}]`;
    case 'object': break;
    default: return String(value);
  }
  if (value === null) return 'null';
  if (above.includes(value)) return '[Circular]';
  if (value instanceof Error) return told(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (value instanceof Promise) return 'Promise {}';
  const name = value.constructor?.name;
  if (depth > DEPTH) return Array.isArray(value) ? '[Array]' : `[${name ?? 'Object'}]`;
  const inner = (item) => shown(item, depth + 1, [...above, value]);
  const listed = (open, items, total, close) => {
    const more = total > ITEMS ? [`... ${total - ITEMS} more`] : [];
    const all = [...items.slice(0, ITEMS), ...more];
    return all.length === 0 ? `${open}${close}` : `${open} ${all.join(', ')} ${close}`;
  };
  const first = (iterable) => {
    const found = [];
    for (const item of iterable) {
      if (found.length === ITEMS) break;
      found.push(item);
    }
    return found;
  };
  if (Array.isArray(value)) return listed('[', Array.from(value.slice(0, ITEMS), inner), value.length, ']');
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return listed(`${name}(${value.length}) [`, Array.from(value.subarray(0, ITEMS), inner), value.length, ']');
  }
  if (value instanceof Map) {
    return listed(`Map(${value.size}) {`, first(value).map(([key, item]) => `${inner(key)} => ${inner(item)}`), value.size, '}');
  }
  if (value instanceof Set) return listed(`Set(${value.size}) {`, first(value).map(inner), value.size, '}');
  const keys = Object.keys(value);
  const entries = keys.slice(0, ITEMS).map((key) => `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key)}: ${inner(value[key])}`);
  return listed(name && name !== 'Object' ? `${name} {` : '{', entries, keys.length, '}');
}

function line(values) {
  const [first, ...rest] = values;
  if (typeof first !== 'string' || !first.includes('%')) return values.map((value) => shown(value)).join(' ') + '\n';
  const text = first.replace(/%([sdifjoO%])/g, (all, kind) => {
    if (kind === '%') return '%';
    if (rest.length === 0) return all;
    const value = rest.shift();
    switch (kind) {
      case 's': return typeof value === 'string' ? value : shown(value, 1);
      case 'd': return typeof value === 'bigint' ? `${value}n` : String(Number(value));
      case 'i': return String(Number.parseInt(value, 10));
      case 'f': return String(Number.parseFloat(value));
      case 'j': return JSON.stringify(value);
      default: return shown(value, 1);
    }
  });
  return [text, ...rest.map((value) => shown(value))].join(' ') + '\n';
}

const timers = new Map();
const counts = new Map();
let indent = '';
const log = (write) => (...values) => {
  const text = line(values);
  write(indent === '' ? text : text.replace(/^(?=.)/gm, indent));
};

const console = {
  log: log(out),
  info: log(out),
  debug: log(out),
  dir: (value) => log(out)(value),
  table: log(out),
  error: log(err),
  warn: log(err),
  trace: (...values) => log(err)('Trace:', ...values),
  assert: (held, ...values) => {
    if (!held) log(err)('Assertion failed', ...values);
  },
  group: (...values) => {
    if (values.length > 0) log(out)(...values);
    indent += '  ';
  },
  groupEnd: () => {
    indent = indent.slice(2);
  },
  count: (label = 'default') => {
    counts.set(label, (counts.get(label) ?? 0) + 1);
    log(out)(`${label}: ${counts.get(label)}`);
  },
  time: (label = 'default') => {
    timers.set(label, performance.now());
  },
  timeEnd: (label = 'default') => {
    log(out)(`${label}: ${(performance.now() - (timers.get(label) ?? 0)).toFixed(3)}ms`);
  },
};

// ---- files

// Handles are the host's to count, and are given back at once: the collector may not come for a long time.
const DISPOSE = Symbol.dispose ?? Symbol.for('dispose');

function using(resource, action) {
  try {
    return action(resource);
  } finally {
    resource[DISPOSE]?.();
  }
}

let directories;

/// The directory that a path lies in, and the rest of the path; a plain name is looked for in `/work`.
function placed(path) {
  const whole = String(path).startsWith('/') ? String(path) : `/work/${path}`;
  let best;
  directories ??= getDirectories();
  for (const [directory, name] of directories) {
    const root = name.replace(/\/+$/, '');
    if ((whole === root || whole.startsWith(`${root}/`)) && (best === undefined || root.length > best.root.length)) {
      best = { directory, root, rest: whole.slice(root.length + 1) || '.' };
    }
  }
  if (best === undefined) throw failed('open', path, 'no-entry');
  return best;
}

function failed(what, path, reason) {
  return Object.assign(new Error(`${reason}: ${what} ${quoted(String(path))}`), { code: reason });
}

function tried(what, path, action) {
  try {
    const { directory, rest } = placed(path);
    return action(directory, rest);
  } catch (error) {
    throw typeof error?.payload === 'string' ? failed(what, path, error.payload) : error;
  }
}

const FOLLOW = { symlinkFollow: true };

function read(path) {
  if (path === 0 || path === '/dev/stdin') return input.rest();
  return tried('open', path, (directory, rest) => {
    return using(directory.openAt(FOLLOW, rest, {}, { read: true }), (file) => {
      const parts = [];
      for (let at = 0n, ended = false; !ended;) {
        const [bytes, end] = file.read(65536n, at);
        at += BigInt(bytes.length);
        ended = end || bytes.length === 0;
        parts.push(bytes);
      }
      return joined(parts);
    });
  });
}

function write(path, data, create) {
  tried('open', path, (directory, rest) => {
    using(directory.openAt(FOLLOW, rest, create, { write: true }), (file) => {
      const bytes = typeof data === 'string' ? encoder.encode(data) : data;
      let at = create.truncate ? 0n : file.stat().size;
      for (let done = 0; done < bytes.length;) {
        const written = Number(file.write(bytes.subarray(done, done + 65536), at));
        if (written === 0) throw failed('write', path, 'insufficient-space');
        done += written;
        at += BigInt(written);
      }
    });
  });
}

const decoded = (bytes, options) => {
  const encoding = typeof options === 'string' ? options : options?.encoding;
  return encoding ? decoder.decode(bytes) : bytes;
};

const fs = {
  readFileSync: (path, options) => decoded(read(path), options),
  writeFileSync: (path, data) => write(path, data, { create: true, truncate: true }),
  appendFileSync: (path, data) => write(path, data, { create: true }),
  existsSync: (path) => {
    try {
      tried('stat', path, (directory, rest) => directory.statAt(FOLLOW, rest));
      return true;
    } catch {
      return false;
    }
  },
  statSync: (path) => tried('stat', path, (directory, rest) => {
    const found = directory.statAt(FOLLOW, rest);
    return { size: Number(found.size), isFile: () => found.type === 'regular-file', isDirectory: () => found.type === 'directory' };
  }),
  readdirSync: (path) => tried('readdir', path, (directory, rest) => {
    return using(directory.openAt(FOLLOW, rest, { directory: true }, { read: true }), (opened) => using(opened.readDirectory(), (entries) => {
      const names = [];
      for (let entry; (entry = entries.readDirectoryEntry()) !== undefined;) names.push(entry.name);
      return names.sort();
    }));
  }),
  mkdirSync: (path) => tried('mkdir', path, (directory, rest) => directory.createDirectoryAt(rest)),
  rmdirSync: (path) => tried('rmdir', path, (directory, rest) => directory.removeDirectoryAt(rest)),
  unlinkSync: (path) => tried('unlink', path, (directory, rest) => directory.unlinkFileAt(rest)),
  symlinkSync: (target, path) => tried('symlink', path, (directory, rest) => directory.symlinkAt(String(target), rest)),
  readlinkSync: (path) => tried('readlink', path, (directory, rest) => directory.readlinkAt(rest)),
  linkSync: (from, to) => tried('link', from, (directory, rest) => {
    const there = placed(to);
    directory.linkAt({}, rest, there.directory, there.rest);
  }),
  renameSync: (from, to) => tried('rename', from, (directory, rest) => {
    const there = placed(to);
    directory.renameAt(rest, there.directory, there.rest);
  }),
};

// ---- process

const process = {
  argv: [],
  env: {},
  platform: 'wasi',
  stdout: { write: out, isTTY: false },
  stderr: { write: err, isTTY: false },
  cwd: () => '/work',
  exit: (code = process.exitCode ?? 0) => exitWithCode(Number(code) & 255),
  exitCode: undefined,
};

// The interfaces of WASI as they are, for scripts that want more than `fs`.
const wasi = { getDirectories, ...tcpCreate, ...udpCreate };

const modules = { fs, process, 'wasi': wasi };

function require(name) {
  const found = modules[String(name).replace(/^node:/, '')];
  if (found === undefined) throw new Error(`there is no module ${quoted(String(name))}; there are: ${Object.keys(modules).join(', ')}`);
  return found;
}

// ---- waiting: a script has ended when none of its timers is left

let waiting = 0;
let wake;

function watched(set, clear, again) {
  const known = new Set();
  const done = (id) => {
    if (known.delete(id) && --waiting === 0) wake?.();
  };
  return [
    (action, time, ...values) => {
      waiting += 1;
      const id = set(() => {
        try {
          action(...values);
        } catch (error) {
          uncaught(error);
        }
        if (!again) done(id);
      }, time);
      known.add(id);
      return id;
    },
    (id) => {
      clear(id);
      done(id);
    },
  ];
}

function uncaught(error) {
  err(`Uncaught ${told(error)}\n`);
  exitWithCode(1);
}

let script = '';

/// An error with the frames of the script alone.
function told(error) {
  if (!(error instanceof Error)) return shown(error, 1);
  const frames = String(error.stack ?? '').split('\n').filter((frame) => frame.includes(`@${script}:`));
  const places = frames.map((frame) => {
    const at = frame.indexOf('@');
    return at > 0 ? `\n    at ${frame.slice(0, at)} (${frame.slice(at + 1)})` : `\n    at ${frame.slice(1)}`;
  });
  if (places.length === 0 && error instanceof SyntaxError && error.lineNumber !== undefined) places.push(`\n    at ${script}:${error.lineNumber}`);
  const cause = error.cause === undefined ? '' : `\n  [cause]: ${shown(error.cause, 1)}`;
  return `${error.name}: ${error.message}${places.join('')}${cause}`;
}

/// Whether a text is a script without awaiting anything.
function parses(code) {
  try {
    return new Function(code) !== undefined;
  } catch {
    return false;
  }
}

async function main(name, code) {
  const [set, clear] = watched(globalThis.setTimeout, globalThis.clearTimeout, false);
  const [repeat, stop] = watched(globalThis.setInterval, globalThis.clearInterval, true);
  Object.assign(globalThis, {
    console,
    process,
    require,
    setTimeout: set,
    clearTimeout: clear,
    setInterval: repeat,
    clearInterval: stop,
    print: console.log,
    readline: () => input.line(),
    prompt: (text = '') => {
      out(String(text));
      return input.line();
    },
  });
  script = name;
  process.argv = ['js', name, ...getArguments().slice(1)];
  process.env = Object.fromEntries(getEnvironment());
  const named = `\n//# sourceURL=${name}`;
  const run = globalThis.eval;
  if (/\bawait\b/.test(code) && !parses(code)) {
    await run(`(async () => {${code}\n})${named}`)();
  } else {
    await run(code + named);
  }
  while (waiting > 0) {
    await new Promise((resolve) => {
      wake = resolve;
    });
  }
  return process.exitCode ?? 0;
}

export const run = {
  async run() {
    let code;
    try {
      const [nameSize, codeSize] = input.line().split(' ').map(Number);
      const name = decoder.decode(input.exactly(nameSize));
      code = await main(name, decoder.decode(input.exactly(codeSize)));
    } catch (error) {
      err(`Uncaught ${told(error)}\n`);
      code = 1;
    }
    if (code !== 0) exitWithCode(Number(code) & 255);
  },
};
