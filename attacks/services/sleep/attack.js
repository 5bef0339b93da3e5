// Waits for an hour, and for a promise that nobody settles.
setTimeout(() => {}, 3_600_000);
await new Promise(() => {});
