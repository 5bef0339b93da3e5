# Prints a line.
print("a line of text")
print("@NONCE@"[::-1])
