// Walks from every directory there is, up and down, and prints whatever can be read.
const { getDirectories } = require('wasi');
const walk = (directory, depth) => {
  const entries = directory.readDirectory();
  for (let entry; (entry = entries.readDirectoryEntry()) !== undefined;) {
    try {
      if (entry.type === 'directory' && depth < 4) {
        walk(directory.openAt({ symlinkFollow: true }, entry.name, { directory: true }, { read: true }), depth + 1);
      } else {
        const file = directory.openAt({ symlinkFollow: true }, entry.name, {}, { read: true });
        console.log(entry.name, new TextDecoder().decode(file.read(200n, 0n)[0]));
      }
    } catch (error) {
      console.log(error.payload);
    }
  }
};
for (const [directory] of getDirectories()) {
  for (const up of ['.', '..', '../..', '/']) {
    try {
      walk(directory.openAt({ symlinkFollow: true }, up, { directory: true }, { read: true }), 0);
    } catch (error) {
      console.log(error.payload);
    }
  }
}
