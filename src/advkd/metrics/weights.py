"""Loads published weights: never before the file is known to be the published one."""

from pathlib import Path

import torch

from advkd import files
from advkd.errors import UserError


def load_verified(path: Path, sha256: str, what: str, remedy: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a file of weights by name.

    Args:
        path: the file.
        sha256: the SHA-256 that it must have, in hexadecimal.
        what: whose weights they are, for example "pytorch-fid's Inception".
        remedy: what to do where it is missing or another file.

    Raises:
        UserError: the file does not exist, or it is another file.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist, the weights of {what}: {remedy}")
    checksum = files.sha256(path)
    if checksum != sha256:
        raise UserError(f"{path} is not {what} (sha256 {checksum[:8]}…, not {sha256[:8]}…): {remedy}")
    state: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state
