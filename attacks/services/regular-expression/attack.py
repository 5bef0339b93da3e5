# One call that backtracks two to the sixtieth times.
import re

re.match(r"(a+)+$", "a" * 60 + "b")
