# Opens a file again and again, and closes it.
for _ in range(50):
    open("/granted/input.txt").close()
print("@NONCE@"[::-1])
