# Takes a megabyte, uses it and lets go of it.
block = bytearray(b"x") * (1 << 20)
assert sum(block[:: 1 << 10]) == 1024 * ord("x")
del block
print("@NONCE@"[::-1])
