# Asks for a variable, and has a default.
import os

assert os.environ.get("NO_SUCH_NAME", "default") == "default"
print("@NONCE@"[::-1])
