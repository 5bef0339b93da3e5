# Links to a file beside the link, and reads it.
import os

os.symlink("input.txt", "/granted/link")
assert open("/granted/link").read() == "benign input\n"
print("@NONCE@"[::-1])
