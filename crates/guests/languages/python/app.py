"""The Python guest: runs the script that comes first on standard input; what follows is the script's own standard input.

The first line is `<bytes of the name> <bytes of the script>`; name and script follow it at once.
"""

import importlib
import io
import linecache
import os
import random
import sys
import traceback
import types

import wit_world
from wit_world import exports
from wit_world.imports import environment
from wit_world.imports import exit as wasi_exit

# A script can only import what was imported when this guest was built: its library is in its memory, and nowhere else.
MODULES = """
_pylong _strptime abc argparse array ast asyncio base64 binascii bisect builtins bz2 calendar cmath code codecs collections collections.abc colorsys
concurrent.futures configparser contextlib contextvars copy copyreg csv dataclasses datetime decimal difflib dis encodings.aliases
encodings.ascii encodings.cp1252 encodings.cp437 encodings.hex_codec encodings.idna encodings.iso8859_1 encodings.iso8859_15
encodings.latin_1 encodings.punycode encodings.raw_unicode_escape encodings.rot_13 encodings.unicode_escape encodings.utf_16
encodings.utf_16_be encodings.utf_16_le encodings.utf_32 encodings.utf_7 encodings.utf_8 encodings.utf_8_sig enum errno fnmatch fractions
functools gc getopt glob graphlib gzip hashlib heapq hmac html html.entities html.parser http importlib importlib.abc importlib.machinery
importlib.util inspect io ipaddress itertools json json.tool keyword linecache locale logging lzma marshal math mimetypes numbers opcode
operator os os.path pathlib pickle pickletools pkgutil platform plistlib posixpath pprint queue quopri random re reprlib sched secrets
select selectors shlex shutil signal socket stat statistics string stringprep struct subprocess symtable sys sysconfig tempfile textwrap
this threading time timeit token tokenize traceback tracemalloc types typing unicodedata unittest unittest.mock urllib urllib.error
urllib.parse urllib.request uuid warnings weakref xml.dom xml.dom.minidom xml.etree.ElementTree zipfile zlib zoneinfo
"""


def _load():
    out, sys.stdout = sys.stdout, io.StringIO()
    try:
        for name in MODULES.split():
            try:
                importlib.import_module(name)
            except ImportError:
                pass
    finally:
        sys.stdout = out
    # `this` prints when it is imported first: somebody's script is to be the first.
    sys.modules.pop("this", None)


_load()


def _script():
    """The script's name and text, off standard input."""
    stdin = sys.stdin.buffer
    head = stdin.readline(64).split()
    name, code = (stdin.read(int(size)) for size in head)
    return name.decode("utf-8", "replace"), code


def _fresh():
    """Whatever was frozen when this guest was built and belongs to a run."""
    random.seed()
    os.environ.clear()
    os.environ.update(environment.get_environment())
    try:
        os.chdir("/work")
    except OSError:
        pass


def _status(exit):
    """What `sys.exit` was given, as a process's exit code."""
    if exit.code is None:
        return 0
    if isinstance(exit.code, int):
        return exit.code & 255
    print(exit.code, file=sys.stderr)
    return 1


def _own(frame):
    return frame.filename == __file__ or frame.filename == "wit_world"


def _tell(error):
    """A traceback without this guest's own frames."""
    shown = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    seen = set()
    todo = [shown]
    while todo:
        part = todo.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        if part.stack is not None:
            part.stack = traceback.StackSummary.from_list([frame for frame in part.stack if not _own(frame)])
        todo += [part.__cause__, part.__context__, *(part.exceptions or [])]
    sys.stderr.write("".join(shown.format()))


def _flush(code):
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            code = code or 1
    return code


def _main():
    name, code = _script()
    _fresh()
    main = types.ModuleType("__main__")
    main.__file__ = name
    main.__builtins__ = __builtins__
    sys.modules["__main__"] = main
    sys.argv = [name, *environment.get_arguments()[1:]]
    try:
        text = importlib.util.decode_source(code)
        linecache.cache[name] = (len(text), None, text.splitlines(True), name)
        exec(compile(code, name, "exec", dont_inherit=True), main.__dict__)
        return 0
    except SystemExit as exit:
        return _status(exit)
    except BaseException as error:
        _tell(error)
        return 1


class Run(exports.Run):
    def run(self) -> None:
        try:
            code = _main()
        except BaseException as error:
            code = 1
            try:
                _tell(error)
            except BaseException:
                pass
        code = _flush(code)
        if code:
            wasi_exit.exit_with_code(code)
