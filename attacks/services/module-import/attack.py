# Has the loaders of the library read files for it.
import importlib.machinery
import importlib.util
import linecache
import sys
import tokenize

for path in ("/granted/../outside/secret.txt", "/outside/secret.txt", "/granted/outside/secret.txt"):
    for way in (
        lambda: importlib.machinery.SourceFileLoader("secret", path).get_data(path),
        lambda: importlib.machinery.SourcelessFileLoader("secret", path).get_data(path),
        lambda: linecache.getlines(path),
        lambda: tokenize.open(path).read(),
    ):
        try:
            print(way())
        except (OSError, SyntaxError) as error:
            print(error)
sys.path.insert(0, "/granted/../outside")
try:
    import secret
except ImportError as error:
    print(error)
