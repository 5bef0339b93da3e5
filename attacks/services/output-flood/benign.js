// Prints a little to both streams.
console.error('a few words');
console.log([..."@NONCE@"].reverse().join(""));
