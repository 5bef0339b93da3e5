// Takes a megabyte and uses it.
const block = new Uint8Array(1 << 20).fill(120);
if (block.at(-1) !== 120) throw new Error('the memory does not hold what was written');
console.log([..."@NONCE@"].reverse().join(""));
