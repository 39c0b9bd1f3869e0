"""Digests of the code that prepares data, which tell whether a store was made by other code."""

from collections.abc import Container

from advkd.code import code_digest

ROOMS = ("data",)
# The modules that prepare the kinds of stores.
CROPS, IMAGES, LABELLED_CROPS = (
    "advkd.data.crop_store", "advkd.data.classifier_store", "advkd.data.labelled_crops",
)  # fmt: skip
DERIVED = "advkd.data.derived_store"  # makes a store of another one
DRAWING = "advkd.data.drawn.draw_dataset"


def preparing_module(settings: Container[str]) -> str:
    """Return the module that prepares the store of these settings, given their keys."""
    if "crops" in settings:
        return CROPS
    return LABELLED_CROPS if "cut" in settings else IMAGES


def preparing_code(module: str, drawn: bool) -> str:
    """Return the digest of today's code that prepares a store.

    Args:
        module: what prepares it: `CROPS`, `IMAGES` or `LABELLED_CROPS`.
        drawn: whether its images are drawn.
    """
    return code_digest([module, *([DRAWING] if drawn else [])], ROOMS)


def derived_code(base: str) -> str:
    """Return the digests of the code behind a store that today's code makes of another one.

    Args:
        base: the digest of the code that prepared the other one.
    """
    return f"{base}+{preparing_code(DERIVED, drawn=False)}"


def is_of_today(code: str) -> bool:
    """Return whether `code`, from a store's meta.json, is that of today's code."""
    modules = (CROPS, IMAGES, LABELLED_CROPS)
    known = {preparing_code(module, drawn) for module in modules for drawn in (False, True)}
    return code in known or code in map(derived_code, known)
