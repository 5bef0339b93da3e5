// Opens a file a few times.
for (let number = 0; number < 5; number += 1) require('fs').readFileSync('/granted/input.txt');
console.log([..."@NONCE@"].reverse().join(""));
