"""``python -m server`` and ``threadcast``: load the program, then run it."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """As :func:`server.cli.main`."""
    gc.disable()  # else it would look again and again at what is being loaded, all of which stays
    from server.cli import main

    gc.freeze()  # no collection looks at the program from here on, which would hold up everybody
    gc.enable()
    return main()


if __name__ == "__main__":
    sys.exit(main())
