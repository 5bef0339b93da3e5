// Waits for a moment.
await new Promise((done) => setTimeout(done, 10));
console.log([..."@NONCE@"].reverse().join(""));
