// Prints a line.
console.log('a line of text');
console.log([..."@NONCE@"].reverse().join(""));
