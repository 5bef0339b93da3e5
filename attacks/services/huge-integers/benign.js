// A number of some hundred digits.
if (String(3n ** 500n).length !== 239) throw new Error('a wrong number');
console.log([..."@NONCE@"].reverse().join(""));
