// A power whose square is taken again and again.
const number = 3n ** (1n << 20n);
for (;;) String(number * number).length;
