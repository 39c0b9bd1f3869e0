"""The settings of a paper and their types, as the settings' schemas declare them."""

from typing import Any

from advkd.settings import config


def setting_types(paper: str) -> dict[str, Any]:
    """Return the type annotation of each setting of a paper, by the setting's name."""
    return {name: field.annotation for name, field in config.PAPERS[paper].model_fields.items()}
