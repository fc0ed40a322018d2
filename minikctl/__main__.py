"""The process: `minikctl …` and `python -m minikctl …`.

`minikctl version` alone is answered here, before anything is imported: scripts ask for it again and again.
"""

from __future__ import annotations

import sys

from minikctl import __version__

_BARE_VERSION = (["version"], ["--version"])


def main(argv: list[str] | None = None) -> int:
    """Runs one command line and returns its exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments in _BARE_VERSION:
        try:
            sys.stdout.write(f"minikctl v{__version__}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            sys.stdout = None
        return 0
    from minikctl.cli.app import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
