"""Recognising the parts of a split, train and val, among the subfolders of a user's folder, by their usual names."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from advkd.errors import UserError

TRAINING = ("train", "training")
EVALUATION = ("val", "valid", "validation", "eval", "evaluation", "test", "testing")


def find_parts(folders: Iterable[str], names: Sequence[str], path: Path) -> tuple[str, str] | None:
    """Return the names of the training part and of the evaluation part; None where the subfolders are classes.

    Upper and lower case count alike.

    Args:
        folders: the names of the subfolders.
        names: the names of all images.
        path: the folder, for messages.

    Raises:
        UserError: the subfolders look like parts, but it is not clear which of them are the two.
    """
    folders = sorted(folders)
    training = [name for name in folders if name.casefold() in TRAINING]
    evaluation = [name for name in folders if name.casefold() in EVALUATION]
    if training and evaluation:
        if len(training) > 1 or len(evaluation) > 1:
            what = f"{' and '.join(evaluation)} beside {' and '.join(training)}"
            raise UserError(
                f"{path} holds {what}: one part to train on and one to evaluate on are needed; move the others out of"
                " the folder"
            )
        return training[0], evaluation[0]
    parts = [*training, *evaluation]
    if like := _look_like_parts(parts, folders, names):
        needed = f"an evaluation part ({', '.join(EVALUATION)})" if training else f"a training part ({TRAINING[0]})"
        raise UserError(
            f"{path} holds {' and '.join(like)}, which look like parts of a split, but no folder is called as"
            f" {needed}: rename or add it; or put the folders of the classes into {path} itself, and the split is drawn"
        )
    return None


def _look_like_parts(parts: Sequence[str], folders: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the subfolders that look like parts of a split, where some have a part's name but none the other's.

    They do where nothing else is there, and where another one has the same subfolders, which are then the classes.
    """
    inner: dict[str, set[str]] = {folder: set() for folder in folders}
    for name in names:
        top, *below = name.split("/")[:-1] or [""]
        if below:
            inner.setdefault(top, set()).add(below[0])
    with_classes = [part for part in parts if inner[part]]
    if with_classes and not set(folders) - set(parts):
        return with_classes
    for part in with_classes:
        alike = [other for other in folders if other != part and inner[other] == inner[part]]
        if alike and len(inner[part]) > 1:
            return [part, *alike]
    return []
