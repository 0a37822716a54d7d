"""The command line: python -m engine …

python -m engine import ~/pictures --title Holiday
python -m engine search --collection holiday beach.jpg
python -m engine train --collection holiday --model 4 --epochs 10
"""

from __future__ import annotations

import sys

from engine.cli.parser import main

# ── collections ──────────────────────────────────────────────────────────────────────────────────────────────────────


# ── encoders and vectors ─────────────────────────────────────────────────────────────────────────────────────────────


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


# ── the words ────────────────────────────────────────────────────────────────────────────────────────────────────────


if __name__ == "__main__":
    sys.exit(main())
