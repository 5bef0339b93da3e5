# Sleeps for a moment.
import time

time.sleep(0.01)
print("@NONCE@"[::-1])
