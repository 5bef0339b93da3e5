// Reads it.
if (require('fs').readFileSync('/readonly/input.txt', 'utf8') !== 'benign input\n') throw new Error('another text');
console.log([..."@NONCE@"].reverse().join(""));
