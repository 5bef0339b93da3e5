# Loops, and ends.
count = 0
while count < 1000:
    count += 1
assert count == 1000
print("@NONCE@"[::-1])
