# Zeros, packed twice over, are unpacked without a bound.
import zlib

small = zlib.compress(zlib.compress(b"\0" * (1 << 24), 9) * 1, 9)
kept = []
while True:
    try:
        kept.append(bytearray(zlib.decompress(zlib.decompress(small))))
    except MemoryError:
        kept.append(None)
        if len(kept) > 64:
            break
