"""`python -m pyneural`."""

import sys

from pyneural.cli import main

if __name__ == "__main__":
    sys.exit(main())
