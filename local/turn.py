"""`python local/turn.py FILE COMMAND…` runs the command when every other one that was begun with this file has ended.

For the Makefile, before there is a virtual environment: any Python 3 runs it, with its standard library alone.
"""

import fcntl
import subprocess
import sys

if __name__ == "__main__":
    with open(sys.argv[1], "a") as held:  # noqa: PTH123  # as old as any Python 3
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another make is at work here: waiting for it", file=sys.stderr, flush=True)
            fcntl.flock(held, fcntl.LOCK_EX)
        sys.exit(subprocess.call(sys.argv[2:]))
