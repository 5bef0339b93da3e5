// Asks about a file, once.
if (require('fs').statSync('/granted/input.txt').size !== 13) throw new Error('another size');
console.log([..."@NONCE@"].reverse().join(""));
