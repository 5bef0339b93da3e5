// Reads on behind its own end.
console.log(require('fs').readFileSync(0, 'utf8'), readline());
