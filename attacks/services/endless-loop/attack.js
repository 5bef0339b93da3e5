// Loops for ever, and catches whatever might be thrown in to end it.
for (;;) {
  try {
    for (;;);
  } catch {}
}
