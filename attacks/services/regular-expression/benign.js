// The same pattern over a text that it matches at once.
if (!/^(a+)+$/.test('a'.repeat(20))) throw new Error('no match');
console.log([..."@NONCE@"].reverse().join(""));
