// A number in a column.
if ('7'.padStart(5, '0') !== '00007') throw new Error('another text');
console.log([..."@NONCE@"].reverse().join(""));
