// Draws sixteen bytes, twice, which differ.
const [a, b] = [0, 0].map(() => String(crypto.getRandomValues(new Uint8Array(16))));
if (a === b) throw new Error('the same bytes');
console.log([..."@NONCE@"].reverse().join(""));
