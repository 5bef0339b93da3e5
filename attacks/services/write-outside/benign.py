# Writes inside the grant.
with open("/granted/new.txt", "w") as file:
    file.write("x")
assert open("/granted/new.txt").read() == "x"
print("@NONCE@"[::-1])
