// Makes the JavaScript guest: build.mjs <app.js> <wit folder> <output>.

import { readFile, writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const [app, witPath, output] = process.argv.slice(2);
const { component } = await componentize(await readFile(app, 'utf8'), {
  sourceName: 'guest.js',
  witPath,
  worldName: 'script',
  disableFeatures: ['http', 'fetch-event'],
});
await writeFile(output, component);
