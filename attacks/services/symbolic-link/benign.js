// Links to a file beside the link, and reads it.
const fs = require('fs');
fs.symlinkSync('input.txt', '/granted/link');
if (fs.readFileSync('/granted/link', 'utf8') !== 'benign input\n') throw new Error('another text');
console.log([..."@NONCE@"].reverse().join(""));
