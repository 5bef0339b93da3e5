# Goes down a hundred times.
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)


assert down(100) == 100
print("@NONCE@"[::-1])
