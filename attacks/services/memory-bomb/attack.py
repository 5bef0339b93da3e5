# Keeps megabytes, each of them written to, and goes on with smaller pieces where a large one is denied.
kept = []
size = 1 << 20
while size:
    try:
        kept.append(bytearray(b"x") * size)
    except MemoryError:
        size >>= 1
