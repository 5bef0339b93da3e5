# Draws a megabyte at a time.
import os

while True:
    try:
        os.urandom(1 << 20)
    except OSError:
        pass
