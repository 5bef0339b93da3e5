# The same pattern over a text that it matches at once.
import re

assert re.match(r"(a+)+$", "a" * 20)
print("@NONCE@"[::-1])
