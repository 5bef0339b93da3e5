# Reads, and finds the end or a text; neither is an error.
import sys

assert isinstance(sys.stdin.read(), str)
print("@NONCE@"[::-1])
