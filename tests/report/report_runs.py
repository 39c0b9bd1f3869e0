"""Finished runs as the HTML report reads them, with all files that a training leaves and the page shows."""

import json

from gip_runs import finish, generate

from advkd.files import write_json
from advkd.runs.lookup import folder_of
from advkd.settings import config
from advkd.settings.config import Resolved
from advkd.settings.user import User

ATTEMPT = {"gpu": None, "processor": "CPU", "threads": 1, "cores": 2, "commit": None, "changed": None, "began": "today",
           "python": "3.11", "packages": {"torch": "2.11"}}  # fmt: skip
VARIANT = "gip/cifar100/resnet18/gip+delta=1"
HOSTILE = "</template><script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\"> & \x1b"


def leave(name: str, user: User, right: int = 60, log: str = "done\n") -> Resolved:
    """Leave a finished GIP run that names `right` of 100 images, with its generator's images where it has one."""
    one = config.resolve(name, user)
    finish(one, right)
    folder = folder_of(one).path
    (folder / "history.csv").write_text("epoch,L\n1,2\n2,1\n")
    if one.run.method in ("gip", "dafl"):
        generate(one)
    provenance = json.loads((folder / "provenance.json").read_text())
    write_json(folder / "provenance.json", {**provenance, "attempts": [ATTEMPT]})
    (folder / "log.txt").write_text(log)
    return one


def fill(user: User, log: str) -> None:
    """Leave a teacher, two seeds of two students, and a variant that no table shows."""
    leave("gip/cifar10/resnet34/baseline/seed0", user, 70, log)
    leave(f"{VARIANT}/seed0", user)
    for method in ("baseline", "gip"):
        for seed in range(2):
            leave(f"gip/cifar10/resnet18/{method}/seed{seed}", user, 60 + seed, log)
