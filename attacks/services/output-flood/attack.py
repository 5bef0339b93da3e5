# Prints, and takes no error for an answer.
import sys

line = "x" * 4095
while True:
    try:
        print(line, file=sys.{{stream}}, flush=True)
    except OSError:
        pass
