# A number of some hundred digits.
assert len(str(3**500)) == 239
print("@NONCE@"[::-1])
