"""Drawing figures from plain numbers; `artifacts.figures` and its neighbours collect these numbers.

Figures are written to files and never shown, so the backend that a user's environment names must not matter: matplotlib
refuses to start with an unknown one.
"""

import os

os.environ["MPLBACKEND"] = "agg"
