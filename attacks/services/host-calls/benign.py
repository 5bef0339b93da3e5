# Asks about a file, once.
import os

assert os.stat("/granted/input.txt").st_size == 13
print("@NONCE@"[::-1])
