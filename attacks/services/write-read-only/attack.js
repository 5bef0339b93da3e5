// Writes to the file, beside it, and over it.
const fs = require('fs');
const attempt = (action) => {
  try {
    action();
  } catch (error) {
    console.log(error.code);
  }
};
attempt(() => fs.appendFileSync('/readonly/input.txt', 'x'));
attempt(() => fs.writeFileSync('/readonly/input.txt', 'x'));
attempt(() => fs.writeFileSync('/readonly/new.txt', 'x'));
attempt(() => fs.renameSync('/readonly/input.txt', '/readonly/moved.txt'));
attempt(() => fs.mkdirSync('/readonly/folder'));
attempt(() => fs.unlinkSync('/readonly/input.txt'));
