// Goes down a hundred times.
const down = (n) => (n === 0 ? 0 : 1 + down(n - 1));
if (down(100) !== 100) throw new Error('a wrong depth');
console.log([..."@NONCE@"].reverse().join(""));
