# Imports what there is.
import json

assert json.loads("[1]") == [1]
print("@NONCE@"[::-1])
