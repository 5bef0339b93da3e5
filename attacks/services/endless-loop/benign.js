// Loops, and ends.
let count = 0;
while (count < 1000) count += 1;
if (count !== 1000) throw new Error('the loop ended early');
console.log([..."@NONCE@"].reverse().join(""));
