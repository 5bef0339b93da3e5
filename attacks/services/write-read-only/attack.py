# Writes to the file, beside it, and over it.
import os

def attempt(action):
    try:
        action()
    except OSError as error:
        print(error.errno)


attempt(lambda: open("/readonly/input.txt", "a").write("x"))
attempt(lambda: open("/readonly/input.txt", "r+").truncate(0))
attempt(lambda: open("/readonly/new.txt", "w").write("x"))
attempt(lambda: os.truncate("/readonly/input.txt", 0))
attempt(lambda: os.utime("/readonly/input.txt", (0, 0)))
attempt(lambda: os.rename("/readonly/input.txt", "/readonly/moved.txt"))
attempt(lambda: os.mkdir("/readonly/folder"))
