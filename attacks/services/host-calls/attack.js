// Asks about a file, for ever.
const fs = require('fs');
for (;;) fs.existsSync('/granted/sub/../input.txt');
