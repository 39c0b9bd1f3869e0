"""Options for `test_kills.py`: how often it kills, and where it writes its figures."""

import os

# One thread for each process, as in the runs' settings. The libraries read this when they are loaded, which happens in
# the server that forks the killed processes.
os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=1, metavar="N", help="number of kills of each job")
    parser.addoption("--kill-seed", type=int, default=0, metavar="SEED", help="seed of the moments")
    parser.addoption("--kill-figures", metavar="FILE", help="JSON file for the figures")
