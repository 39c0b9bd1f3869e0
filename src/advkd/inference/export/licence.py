"""The licence line of a model card, which follows from the data that the network was trained on."""

import re
from dataclasses import dataclass

from advkd.data import registry
from advkd.errors import UserError
from advkd.inference.description import Description
from advkd.settings.config_files import REGISTRY

NOT_STATED = "not stated"  # of a licence in config/datasets.yaml
UNKNOWN = "unknown"  # the Hub's name for it
IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.-]*")


@dataclass(frozen=True)
class Licence:
    """A licence line.

    Attributes:
        metadata: the keys and values of the card's metadata, as the Hugging Face Hub reads them.
        sentences: the same for readers.
    """

    metadata: dict[str, str]
    sentences: str

    @property
    def known(self) -> bool:
        """Whether the card says under which licence the network may be used."""
        return self.metadata["license"] != UNKNOWN


def licence_of(description: Description, chosen: str | None) -> Licence:
    """Return the licence line of a network.

    Args:
        description: says which data it was trained on.
        chosen: the licence that the user gives the network, as the Hub names it ("cc-by-4.0"); None: none was given.

    Raises:
        UserError: the data's licence leaves no choice, or `chosen` is no name of a licence.
    """
    if chosen is not None and not IDENTIFIER.fullmatch(chosen):
        raise UserError(f"--licence is {chosen!r}: name one as the Hub does, such as cc-by-4.0, apache-2.0 or other")
    origin, name = description.settings["data"], description.settings["dataset"]
    given = f"The network is published under `{chosen}`."
    if origin == "made":
        of_data = "The images were drawn by advkd (MIT); nobody else has rights in them."
        return Licence({"license": chosen or "mit"}, f"{of_data} {given}" if chosen else of_data)
    if origin == "folder":
        of_data = f"The images of {name} are the publisher's own, and advkd knows no licence of them."
        return _without(of_data, chosen, given)
    dataset = registry.load(REGISTRY)[str(name)]
    if dataset.licence == NOT_STATED:
        of_data = f"The publisher of {dataset.title} states no licence of the images: see {dataset.homepage}."
        return _without(of_data, chosen, given)
    of_data = f"The images of {dataset.title} are for {dataset.licence}: see {dataset.homepage}."
    if chosen is not None:
        raise UserError(f"--licence is {chosen}, but that of the data leaves no choice. {of_data}")
    slug = re.sub(r"[^a-z0-9]+", "-", dataset.licence.split(",")[0].split("(")[0].lower()).strip("-")
    metadata = {"license": "other", "license_name": slug, "license_link": dataset.homepage}
    return Licence(metadata, f"{of_data} What was trained on them is under the same terms.")


def _without(of_data: str, chosen: str | None, given: str) -> Licence:
    """Return the line of a network whose data have no known licence."""
    if chosen is not None:
        return Licence({"license": chosen}, f"{of_data} {given}")
    return Licence({"license": UNKNOWN}, f"{of_data} Nor was the network given one: ask before you use it.")
