// Opens one file again and again, and keeps each.
const [[directory]] = require('wasi').getDirectories();
const kept = [];
for (let number = 0; number < 200; number += 1) {
  try {
    kept.push(directory.openAt({ symlinkFollow: true }, 'input.txt', {}, { read: true }));
  } catch (error) {
    console.log(error.payload);
  }
}
globalThis.kept = kept;
