# Draws sixteen bytes, twice, which differ.
import os

assert os.urandom(16) != os.urandom(16)
print("@NONCE@"[::-1])
