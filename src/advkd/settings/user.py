"""What a user may set: config/config.yaml and --config."""

from typing import Annotated, Literal

from pydantic import Field

from advkd.bounds import Count, Natural, Weight
from advkd.settings.names import MOST_SEEDS, Paper
from advkd.settings.validation import Strict

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]


class User(Strict):  # type: ignore[explicit-any]  # in pydantic's own constructor
    """The user's configuration. config/README.md explains every key."""

    scale: Name = "smoke"
    data_root: Annotated[str, Field(pattern=r"^[^{}\n]+$")] = "data"  # braces are Snakemake's
    mirror: str | None = None
    accept: dict[str, Annotated[str, Field(pattern=r"^(sha256|content):[0-9a-f]{64}$")]] = Field(default_factory=dict)
    tolerate: dict[Name, Natural] = Field(default_factory=dict)
    folders: dict[Name, str] = Field(default_factory=dict)
    starts: dict[Name, str] = Field(default_factory=dict)
    links: list[Name] = Field(default_factory=list)
    inception_weights: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    runs_per_gpu: Count = 1
    seeds: Annotated[int, Field(ge=1, le=MOST_SEEDS)] | None = None
    override: dict[Paper, dict[str, object]] = Field(default_factory=dict)
    retrain: Literal["stale"] | None = None
    runs: list[str] = Field(default_factory=list)
    checkpoint_seconds: Weight = 60.0
