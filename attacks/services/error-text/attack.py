# Provokes every error there is, and prints all of each.
import os
import sys
import traceback

def down():
    return down()


ATTEMPTS = [
    lambda: open("/granted"),
    lambda: open("/granted/../x"),
    lambda: os.listdir("/granted/input.txt"),
    lambda: os.rmdir("/granted"),
    lambda: os.readlink("/granted/input.txt"),
    lambda: os.symlink("/x", "/granted/link"),
    lambda: os.stat("/granted/" + "x" * 5000),
    lambda: os.chdir(".."),
    lambda: os.rename("/granted", "/granted/sub/x"),
    lambda: __import__("nothing_of_this_name"),
    lambda: exec("(" * 500),
    down,
]
for attempt in ATTEMPTS:
    try:
        attempt()
    except BaseException as error:
        traceback.print_exc(file=sys.{{stream}})
        print(repr(error), vars(error), error.__traceback__.tb_frame, file=sys.{{stream}})
print(sys.path, sys.modules, __file__, os.getcwd(), file=sys.{{stream}})
