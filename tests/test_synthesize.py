"""What `advkd synthesize` refuses before it reads anything."""

from pathlib import Path

import pytest

from advkd.errors import UserError
from advkd.runs.folder import RunFolder
from advkd.synthesize import synthesize


@pytest.mark.parametrize(("count", "message"), [(0, "at least 1"), (100_000_000_000, "at most 1,000,000 images")])
def test_an_impossible_number_of_images(tmp_path, count, message):
    with pytest.raises(UserError, match=f"--count is {count}: ask for {message}"):
        synthesize(RunFolder(Path("okd")), count, tmp_path / "out", 0, "cpu")
    assert not (tmp_path / "out").exists()
