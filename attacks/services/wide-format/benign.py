# A number in a column.
assert f"{7:05}" == "00007"
print("@NONCE@"[::-1])
