# Opens one file again and again, and keeps each.
kept = []
for _ in range(200):
    try:
        kept.append(open("/granted/input.txt"))
    except OSError as error:
        print(error.errno)
