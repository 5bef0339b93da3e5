// Asks for a variable, and has a default.
if ((process.env.NO_SUCH_NAME ?? 'default') !== 'default') throw new Error('a variable that nobody set');
console.log([..."@NONCE@"].reverse().join(""));
