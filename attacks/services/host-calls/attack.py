# Asks about a file, for ever.
import os

while True:
    try:
        os.stat("/granted/sub/../input.txt")
    except OSError:
        pass
