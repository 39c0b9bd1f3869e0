"""Options for `test_kills.py`: how often it kills, and where it writes its figures."""


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=1, metavar="N", help="number of kills of each job")
    parser.addoption("--kill-seed", type=int, default=0, metavar="SEED", help="seed of the moments")
    parser.addoption("--kill-figures", metavar="FILE", help="JSON file for the figures")
