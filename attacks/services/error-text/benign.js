// Makes one error, and catches it.
try {
  require('fs').readFileSync('/granted/missing');
} catch {}
console.log([..."@NONCE@"].reverse().join(""));
