// Texts that are as wide as a line of the script says, made flat.
const kept = [];
for (let width = 1 << 25; width > 0;) {
  try {
    const text = '7'.padStart(width, 'ab');
    text.charCodeAt(width >> 1);
    kept.push(new TextEncoder().encode(text));
  } catch {
    width >>= 1;
  }
}
