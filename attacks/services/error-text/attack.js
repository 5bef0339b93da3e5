// Provokes every error there is, and prints all of each.
const fs = require('fs');
const down = () => down();
const attempts = [
  () => fs.readFileSync('/granted', 'utf8'),
  () => fs.readFileSync('/granted/../x'),
  () => fs.readdirSync('/granted/input.txt'),
  () => fs.rmdirSync('/granted'),
  () => fs.readlinkSync('/granted/input.txt'),
  () => fs.symlinkSync('/x', '/granted/link'),
  () => fs.statSync(`/granted/${'x'.repeat(5000)}`),
  () => require('nothing'),
  () => new Function('('),
  down,
];
for (const attempt of attempts) {
  try {
    attempt();
  } catch (error) {
    console.{{print}}(error, error.message, error.stack, error.fileName, error.payload, Object.keys(error));
  }
}
