# Keys that do not collide.
table = {number: number for number in range(1000)}
assert len(table) == 1000
print("@NONCE@"[::-1])
