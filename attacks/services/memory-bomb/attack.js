// Keeps megabytes, each of them written to, and goes on with smaller pieces where a large one is denied.
const kept = [];
for (let size = 1 << 20; size > 0;) {
  try {
    kept.push(new Uint8Array(size).fill(120));
  } catch {
    size >>= 1;
  }
}
