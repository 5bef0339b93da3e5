// Makes a few.
for (let number = 0; number < 3; number += 1) require('fs').writeFileSync(`/granted/file${number}`, '');
console.log([..."@NONCE@"].reverse().join(""));
