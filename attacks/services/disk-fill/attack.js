// Writes files until it is told to stop, and then others.
const fs = require('fs');
const block = new Uint8Array(1 << 20).fill(120);
for (let number = 0; number < 32; number += 1) {
  try {
    fs.writeFileSync(`/granted/file${number}`, block);
  } catch (error) {
    console.log(error.code);
  }
}
