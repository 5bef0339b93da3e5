# Reads the file that was granted.
with open("/granted/input.txt") as file:
    assert file.read() == "benign input\n"
print("@NONCE@"[::-1])
