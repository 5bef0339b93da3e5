// Writes inside the grant.
const fs = require('fs');
fs.writeFileSync('/granted/new.txt', 'x');
if (fs.readFileSync('/granted/new.txt', 'utf8') !== 'x') throw new Error('another text');
console.log([..."@NONCE@"].reverse().join(""));
