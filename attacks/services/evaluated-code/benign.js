// Code that is made while it runs, and adds.
if (new Function('return 1 + 1')() !== 2) throw new Error('a wrong sum');
console.log([..."@NONCE@"].reverse().join(""));
