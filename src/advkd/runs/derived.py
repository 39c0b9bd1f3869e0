"""Makes the data set of a run that is made of a prepared one: of one class alone, or with generated images."""

from pathlib import Path
from typing import Any

import numpy as np

from advkd.data.derived_store import Generated, block, choose_generated, join_generated, keep_class
from advkd.data.store import Store
from advkd.data.store_meta import META, check_settings, read_meta
from advkd.errors import UserError
from advkd.runs.folder import RunFolder
from advkd.runs.folder_names import SAMPLES
from advkd.runs.lookup import trained_folder
from advkd.runs.state import Ending
from advkd.runs.stores import store_of
from advkd.settings.classifier import ClassifierRun
from advkd.settings.config import Resolved
from advkd.settings.gan import GanRun
from advkd.settings.user import User


def derive(resolved: Resolved, user: User, out: Path) -> dict[str, Any]:
    """Write the data set of a run to the store `out`, and return its meta.json.

    If a generator's training diverged, the store says so, and whoever is trained on it is blocked.

    Raises:
        UserError: the run is trained on a data set as it was prepared; the prepared data set is missing or damaged; a
            generator is not trained, was trained on other images, or has too few samples.
    """
    if not resolved.derived:
        raise UserError(f"{resolved.run} is trained on {resolved.store} as it was prepared: nothing is made of it")
    base = Store.open(store_of(resolved.base(), user))
    check_settings(base.path, base.meta, resolved.base().settings)
    if isinstance(resolved.typed, GanRun):
        assert resolved.typed.only_class is not None  # otherwise nothing is derived
        return keep_class(base, resolved.typed.only_class, out)
    assert isinstance(resolved.typed, ClassifierRun) and resolved.typed.generated is not None
    sources = []
    for gan in resolved.generators.values():
        folder = trained_folder(gan)
        _check_images(folder, gan, base, user)
        if (result := folder.result())["status"] != Ending.DONE:
            reason = f"{result['status']} at step {result.get('step')}"
            return block(base, resolved.typed.generated, str(gan.run), reason, out)
        sources.append(_samples(folder, gan))
    settings = resolved.typed.generated
    chosen = choose_generated(base.meta["classes"], settings.synthetic, sources)
    about = {"runs": {source.run: source.sha256 for source in sources}}
    return join_generated(base, settings, chosen, about, out)


def _samples(folder: RunFolder, gan: Resolved) -> Generated:
    """Return the images that a trained run left."""
    folder.check(SAMPLES)
    names = [name for name in folder.sample_names() if name[:1] == "G" and name[1:].isdecimal()]
    images = dict(zip(names, folder.samples(*names), strict=True))
    assert isinstance(gan.typed, GanRun)
    only_class = gan.typed.only_class
    if only_class is None:
        (labels,) = folder.samples("labels")
    else:
        labels = np.full(len(images[names[0]]), only_class - 1)
    return Generated(str(gan.run), folder.result()["sha256"][SAMPLES], images, labels.astype(np.int64))


def _check_images(folder: RunFolder, gan: Resolved, base: Store, user: User) -> None:
    """Refuse a generator that was trained on other images than the training images of `base`."""
    seen = folder.provenance()["data"]["sha256"]
    expected = base.meta["sha256"]
    if gan.derived:
        own = read_meta(store_of(gan, user)) if (store_of(gan, user) / META).exists() else {}
        expected = own.get("sha256") if own.get("base", {}).get("sha256") == expected else None
    if seen != expected:
        raise UserError(f"{gan.run} was trained on other images than {base.path.name} holds: advkd train {gan.run}")
