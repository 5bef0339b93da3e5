# Sleeps for an hour, again if it is woken.
import time

while True:
    time.sleep(3600)
