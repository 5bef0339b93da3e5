// A power whose square is taken again and again.
const number = 3n ** 300_000n;
for (;;) String(number * number).length;
