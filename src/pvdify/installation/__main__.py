"""The entry point of ``python -m pvdify.installation ORDER``."""

import sys

from pvdify.installation.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
