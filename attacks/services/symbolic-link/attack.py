# Links to the secret, by every way round, and reads the links.
import os

TARGETS = ["../outside/secret.txt", "/outside/secret.txt", "/proc/self/root/outside/secret.txt", "../outside", "outside/secret.txt"]
for number, target in enumerate(TARGETS):
    link = f"/granted/link{number}"
    try:
        os.symlink(target, link)
    except OSError as error:
        print(error.errno)
    for path in (link, f"{link}/secret.txt"):
        try:
            print(open(path).read())
        except OSError as error:
            print(error.errno)
try:
    os.link("/granted/../outside/secret.txt", "/granted/hard")
    print(open("/granted/hard").read())
except OSError as error:
    print(error.errno)
