# Lists what was granted.
import os

assert "input.txt" in os.listdir("/granted")
print("@NONCE@"[::-1])
