# Writes files until it is told to stop, and then others.
for number in range(32):
    try:
        with open(f"/granted/file{number}", "wb", buffering=0) as file:
            for _ in range(16):
                file.write(b"x" * 65536)
    except OSError as error:
        print(error.errno)
