"""How often `test_kills.py` kills, and where its figures go."""

import os

# One thread a process, as in the runs' settings: read when the libraries are loaded, by the server of the killed ones.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=1, metavar="N", help="kills of every piece of work")
    parser.addoption("--kill-seed", type=int, default=0, metavar="SEED", help="of the moments")
    parser.addoption("--kill-figures", metavar="FILE", help="JSON file for what became of them")
