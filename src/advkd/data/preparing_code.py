"""Digests of the code that prepares data, which tell whether a store was made by other code."""

from advkd.code import code_digest

ROOMS = ("data",)
CROPS, IMAGES, DRAWING = "advkd.data.crop_store", "advkd.data.classifier_store", "advkd.data.drawn.draw_dataset"


def preparing_code(crops: bool, drawn: bool) -> str:
    """Return the digest of today's code that prepares a store.

    Args:
        crops: whether it is a store of crops; otherwise it is a classifier's.
        drawn: whether its images are drawn.
    """
    return code_digest([CROPS if crops else IMAGES, *([DRAWING] if drawn else [])], ROOMS)


def is_of_today(code: str) -> bool:
    """Return whether `code`, from a store's meta.json, is a digest of today's code."""
    return code in {preparing_code(crops, drawn) for crops in (False, True) for drawn in (False, True)}
