# Reads on behind its own end.
import os
import sys

print(sys.stdin.read(), sys.stdin.buffer.read())
try:
    print(os.read(0, 65536))
except OSError as error:
    print(error.errno)
