"""What a user may set: config/config.yaml and --config."""

from typing import Annotated, Literal

from pydantic import Field

from advkd.settings.schema import Count, Strict


class User(Strict):
    """What a user sets: config/config.yaml and --config."""

    scale: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")] = "smoke"
    data_root: Annotated[str, Field(pattern=r"^[^{}\n]+$")] = "data"  # braces are Snakemake's
    mirror: str | None = None
    accept: dict[str, Annotated[str, Field(pattern=r"^(sha256|content):[0-9a-f]{64}$")]] = Field(default_factory=dict)
    folders: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")], str] = Field(default_factory=dict)
    inception_weights: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    runs_per_gpu: Count = 1
    seeds: Count | None = None
    override: dict[Literal["okd", "aikd", "gip"], dict] = Field(default_factory=dict)
    retrain: Literal["stale"] | None = None
    runs: list[str] = Field(default_factory=list)
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 60.0
