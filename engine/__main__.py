"""`python -m engine …`: the command line; see `engine.cli.parser`."""

import sys

from engine.cli.parser import main

if __name__ == "__main__":
    sys.exit(main())
