# Makes one error, and catches it.
try:
    open("/granted/missing")
except FileNotFoundError:
    pass
print("@NONCE@"[::-1])
