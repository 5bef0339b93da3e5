// Lists what was granted.
if (!require('fs').readdirSync('/granted').includes('input.txt')) throw new Error('not listed');
console.log([..."@NONCE@"].reverse().join(""));
