# Texts that are as wide as a line of the script says.
kept = []
width = 1 << 26
while width:
    try:
        kept.append(f"{1:0{width}}")
    except MemoryError:
        width >>= 1
