# Looks for the environment wherever the library keeps one.
import os
import sys

print(dict(os.environ), os.environb if hasattr(os, "environb") else None, sys.flags, sys.argv)
