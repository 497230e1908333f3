"""
``python -m trio_run`` is the command ``trio-run``.
"""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
