# Code that is made while it runs, and adds.
assert eval("1 + 1") == 2
print("@NONCE@"[::-1])
