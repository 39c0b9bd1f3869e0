"""Reads MATLAB files that may be damaged, in a process of their own.

Some damaged files crash scipy's reader (seen with scipy 1.17), and others expand to whatever size they claim. The lists
of Stanford Dogs come over plain HTTP and have no published checksum.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

READER = """
import io, json, resource, sys
from scipy.io import loadmat

memory, names = int(sys.argv[1]), sys.argv[2:]
hard = resource.getrlimit(resource.RLIMIT_AS)[1]
if sys.platform == "linux" and not 0 < hard < memory:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

def plain(value):
    return plain(value.item()) if getattr(value, "size", 0) == 1 else value

variables = loadmat(io.BytesIO(sys.stdin.buffer.read()), variable_names=names)
print(json.dumps([[plain(cell) for cell in variables[name].ravel(order="F")] for name in names], default=str))
"""
SECONDS = 120
MEMORY = 1 << 32  # bytes of addresses


def load_variables(data: bytes, names: Sequence[str]) -> list[list[Any]]:
    """Return the values of the variables `names` of a MATLAB file, column by column, with cells as text.

    Raises:
        ValueError: this is not a MATLAB file, it is damaged, or lacks one of the variables.
    """
    # -P: import nothing from the current folder.
    command = [sys.executable, "-P", "-c", READER, str(MEMORY), *names]
    # Each thread of OpenBLAS takes addresses.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, env=environment)
        values: list[list[Any]] = json.loads(done.stdout)
        return values
    except (ValueError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"not a MATLAB file with {' and '.join(names)}") from error
