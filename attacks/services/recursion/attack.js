// Goes down in scripts, and in the engine by way of what calls back, again and again.
function down() {
  return down() + 1;
}
let nested = [];
for (let i = 0; i < 100_000; i += 1) nested = [nested];
const attempts = [
  down,
  () => JSON.stringify(nested),
  () => nested.flat(Infinity),
  () => String(nested),
  () => new RegExp('('.repeat(100_000) + ')'.repeat(100_000)),
  () => eval('['.repeat(100_000)),
  () => [1, 2].sort(down),
  () => 'x'.replace(/x/, down),
];
for (;;) {
  for (const attempt of attempts) {
    try {
      attempt();
    } catch {}
  }
}
