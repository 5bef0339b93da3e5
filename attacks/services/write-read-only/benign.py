# Reads it.
assert open("/readonly/input.txt").read() == "benign input\n"
print("@NONCE@"[::-1])
