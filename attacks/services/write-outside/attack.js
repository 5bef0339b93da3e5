// Writes, moves, removes and links beside the grant.
const fs = require('fs');
const attempt = (action) => {
  try {
    action();
  } catch (error) {
    console.log(error.code);
  }
};
for (const outside of ['/granted/../outside', '/outside', '../outside', '/granted/outside']) {
  attempt(() => fs.writeFileSync(`${outside}/new.txt`, 'x'));
  attempt(() => fs.appendFileSync(`${outside}/secret.txt`, 'x'));
  attempt(() => fs.mkdirSync(`${outside}/folder`));
  attempt(() => fs.renameSync('/granted/input.txt', `${outside}/moved.txt`));
  attempt(() => fs.unlinkSync(`${outside}/secret.txt`));
}
