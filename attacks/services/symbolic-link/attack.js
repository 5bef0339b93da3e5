// Links to the secret, by every way round, and reads the links.
const fs = require('fs');
const attempt = (action) => {
  try {
    console.log(action());
  } catch (error) {
    console.log(error.code);
  }
};
const targets = ['../outside/secret.txt', '/outside/secret.txt', '/proc/self/root/outside/secret.txt', '../outside', 'outside/secret.txt'];
targets.forEach((target, number) => {
  const link = `/granted/link${number}`;
  attempt(() => fs.symlinkSync(target, link));
  attempt(() => fs.readFileSync(link, 'utf8'));
  attempt(() => fs.readFileSync(`${link}/secret.txt`, 'utf8'));
});
attempt(() => fs.linkSync('/granted/../outside/secret.txt', '/granted/hard'));
attempt(() => fs.renameSync('/granted/../outside/secret.txt', '/granted/moved'));
