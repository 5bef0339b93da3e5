# A few kilobytes, packed and unpacked.
import zlib

assert zlib.decompress(zlib.compress(b"x" * 4096)) == b"x" * 4096
print("@NONCE@"[::-1])
