"""``python -m tm_embedded.watchdog HOME DATA``: wait for the end of standard input, then sweep the stack."""

import signal
import sys
from pathlib import Path

from tm_embedded.processes import sweep


def main() -> None:
    """Outlive everything but kill -9: this is the last one who can tidy up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    home, data = map(Path, sys.argv[1:3])
    sys.stdin.buffer.read()
    sweep(home, data=data)


if __name__ == "__main__":
    main()
