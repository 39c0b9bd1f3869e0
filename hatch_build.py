"""Puts the workflow and its files into a wheel, as they lie in a checkout; src/advkd/places.py finds them there."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# paper/report.pdf is not among them: it is made.
FILES = [
    "Snakefile",
    "config",
    "paper/claims.yaml",
    "paper/evidence.yaml",
    "paper/papers.yaml",
    "paper/published",
    "paper/published.sha256",
    "paper/report.tex",
    "paper/usefulness.yaml",
    "profiles",
    "workflow",
]


class Workflow(BuildHookInterface):  # type: ignore[misc]
    """Adds the files to a wheel, but not to an editable installation, which reads those of the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Say which files lie where in the wheel; hatchling calls this before it builds one."""
        if version != "editable":
            build_data["force_include"] |= {name: f"advkd/shipped/{name}" for name in FILES}
