# Prints a little to both streams.
import sys

print("a few words", file=sys.stderr)
print("@NONCE@"[::-1])
