"""``python -m tm_embedded.watchdog HOME DATA``: wait for the end of standard input, then sweep the stack."""

import signal
import sys
from pathlib import Path

from tm_embedded.home import Home
from tm_embedded.processes import IN_ORDER, sweep
from tm_embedded.restarts import record


def main() -> None:
    """Outlive everything but kill -9: this is the last one who can tidy up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    home, data = map(Path, sys.argv[1:3])
    said = sys.stdin.buffer.read()
    sweep(home, data=data)
    if said != IN_ORDER and home.is_dir():
        record(Home(path=home).events, "supervisor", "it was killed", "all was stopped", is_last=True)


if __name__ == "__main__":
    main()
