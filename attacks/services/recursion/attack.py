# Goes down in Python, and in C by way of what calls back, without a limit.
import functools
import sys

sys.setrecursionlimit(1 << 30)


class Deep:
    def __repr__(self):
        return repr(self)

    def __eq__(self, other):
        return [self] == [Deep()]


def down(n=0):
    return down(n + 1)


nested = []
for _ in range(1_000_000):
    nested = [nested]
while True:
    for attempt in (lambda: repr(Deep()), lambda: Deep() == 1, down, lambda: repr(nested), lambda: nested == nested.copy()):
        try:
            attempt()
        except (RecursionError, MemoryError):
            pass
