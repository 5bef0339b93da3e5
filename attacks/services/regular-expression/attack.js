// One call that backtracks two to the sixtieth times.
/^(a+)+$/.test('a'.repeat(60) + 'b');
for (;;) /^(([a-z])+.)+[A-Z]([a-z])+$/.test('a'.repeat(60));
