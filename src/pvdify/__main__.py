"""``python -m pvdify`` is the command line."""

import sys

from pvdify.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
