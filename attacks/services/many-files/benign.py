# Makes a few.
for number in range(3):
    open(f"/granted/file{number}", "w").close()
print("@NONCE@"[::-1])
