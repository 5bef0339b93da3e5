# Tries every spelling of a path, through every way that the library has to open a file.
import io
import os
import pathlib

PATHS = [
    "/granted/../{{path}}",
    "/granted/sub/../../{{path}}",
    "/granted//../{{path}}",
    "/{{path}}",
    "../{{path}}",
    "/granted/{{path}}",
]


def by_descriptor(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


for path in PATHS:
    for way in (lambda path: open(path, "rb").read(), io.FileIO, by_descriptor, lambda path: pathlib.Path(path).read_bytes()):
        try:
            found = way(path)
            print(found.read() if hasattr(found, "read") else found)
        except OSError as error:
            print(error.errno)
