"""Reading MATLAB files that may be damaged: in a process of their own, since some crash scipy's reader outright, and
others would expand to whatever they claim.

Seen with scipy 1.17; the lists of Stanford Dogs come over plain HTTP and have no published checksum.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

READ = """
import io, json, resource, sys
from scipy.io import loadmat
most, (_, hard) = int(sys.argv.pop(1)), resource.getrlimit(resource.RLIMIT_AS)
if sys.platform == "linux" and not 0 < hard < most:
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
found = loadmat(io.BytesIO(sys.stdin.buffer.read()), variable_names=sys.argv[1:])
plain = lambda value: plain(value.item()) if getattr(value, "size", 0) == 1 else value
print(json.dumps([[plain(cell) for cell in found[name].ravel(order="F")] for name in sys.argv[1:]], default=str))
"""
SECONDS = 120
MEMORY = 1 << 32  # bytes of addresses


def load(data: bytes, names: Sequence[str]) -> list[list[Any]]:
    """Return the values of the variables `names` of a file, column by column, cells as text.

    Raises:
        ValueError: no MATLAB file, a damaged one, or one without these variables.
    """
    try:
        command = [sys.executable, "-P", "-c", READ, str(MEMORY), *names]  # -P: nothing is imported from this folder
        alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # each thread takes addresses
        done = subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, env=alone)
        return json.loads(done.stdout)
    except (ValueError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"no MATLAB file with {' and '.join(names)}") from error
