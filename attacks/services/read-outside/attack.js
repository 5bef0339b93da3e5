// Tries every spelling of a path, by the library and by the interface beneath it.
const fs = require('fs');
const { getDirectories } = require('wasi');
const paths = ['/granted/../{{path}}', '/granted/sub/../../{{path}}', '/granted//../{{path}}', '/{{path}}', '../{{path}}', '/granted/{{path}}'];
for (const path of paths) {
  try {
    console.log(fs.readFileSync(path, 'utf8'));
  } catch (error) {
    console.log(error.code);
  }
}
for (const [directory] of getDirectories()) {
  for (const path of ['../{{path}}', '/{{path}}', 'sub/../../{{path}}']) {
    try {
      const file = directory.openAt({ symlinkFollow: true }, path, {}, { read: true });
      console.log(new TextDecoder().decode(file.read(4096n, 0n)[0]));
    } catch (error) {
      console.log(error.payload);
    }
  }
}
