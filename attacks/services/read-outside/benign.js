// Reads the file that was granted.
const text = require('fs').readFileSync('/granted/input.txt', 'utf8');
if (text !== 'benign input\n') throw new Error('another text');
console.log([..."@NONCE@"].reverse().join(""));
