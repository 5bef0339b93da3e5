// Prints, and takes no error for an answer.
const line = 'x'.repeat(4095);
for (;;) {
  try {
    console.{{print}}(line);
  } catch {}
}
