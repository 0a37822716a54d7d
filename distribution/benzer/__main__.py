"""`python -m benzer …`: the command line, as `benzer …`."""

import sys

from engine.cli.parser import main

if __name__ == "__main__":
    sys.exit(main())
