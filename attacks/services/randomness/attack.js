// Draws as much as one call gives.
const block = new Uint8Array(65_536);
for (;;) crypto.getRandomValues(block);
