# An object whose loading opens files.
import pickle


class Reader:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return eval, (f"(lambda: open({self.path!r}).read())()",)


for path in ("/granted/../outside/secret.txt", "/outside/secret.txt", "/granted/outside/secret.txt"):
    try:
        print(pickle.loads(pickle.dumps(Reader(path))))
    except OSError as error:
        print(error.errno)
