// Writes a few kilobytes.
require('fs').writeFileSync('/granted/file', new Uint8Array(4096).fill(120));
console.log([..."@NONCE@"].reverse().join(""));
