# Writes, moves, removes and links beside the grant.
import os

def attempt(action):
    try:
        action()
    except OSError as error:
        print(error.errno)


for outside in ("/granted/../outside", "/outside", "../outside", "/granted/outside"):
    attempt(lambda: open(f"{outside}/new.txt", "w").write("x"))
    attempt(lambda: open(f"{outside}/secret.txt", "a").write("x"))
    attempt(lambda: os.mkdir(f"{outside}/folder"))
    attempt(lambda: os.rename("/granted/input.txt", f"{outside}/moved.txt"))
    attempt(lambda: os.remove(f"{outside}/secret.txt"))
