# Writes a few kilobytes.
with open("/granted/file", "wb") as file:
    file.write(b"x" * 4096)
print("@NONCE@"[::-1])
