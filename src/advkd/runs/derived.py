"""Makes the data set of a run that is made of a prepared one: of one class alone, or with generated images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from advkd.data.derived_store import Generated, block, choose_generated, join_generated, keep_class
from advkd.data.settings import OF_FOLDER, GeneratedImages
from advkd.data.store import Store
from advkd.data.store_meta import META, check_settings, read_meta
from advkd.data.synthetic_folder import read_synthetic
from advkd.errors import UserError
from advkd.progress import say
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
            generator is not trained, was trained on other images, or has too few samples; the generated images of a
            folder are missing or damaged, or their generator saw images that are evaluated on.
    """
    if not resolved.derived:
        raise UserError(f"{resolved.run} is trained on {resolved.store} as it was prepared: nothing is made of it")
    base = Store.open(store_of(resolved.base(), user))
    check_settings(base.path, base.meta, resolved.base().settings)
    if isinstance(resolved.typed, GanRun):
        assert resolved.typed.only_class is not None  # otherwise nothing is derived
        return keep_class(base, resolved.typed.only_class, out)
    assert isinstance(resolved.typed, ClassifierRun) and resolved.typed.generated is not None
    if resolved.typed.generated.generator == OF_FOLDER:
        return _join_folder(base, resolved.typed.generated, Path(user.folders[resolved.run.dataset]), out)
    sources = []
    for gan in resolved.generators.values():
        folder = trained_folder(gan)
        _check_images(folder, gan, base, user)
        if (result := folder.result())["status"] != Ending.DONE:
            reason = f"{result['status']} at step {result.get('step')}"
            return block(base, resolved.typed.generated, str(gan.run), reason, out)
        sources.append(_samples(folder, gan))
    settings = resolved.typed.generated
    assert settings.synthetic is not None  # only the images of a folder are taken without a number
    chosen = choose_generated(base.meta["classes"], settings.synthetic, sources)
    about = {"runs": {source.run: source.sha256 for source in sources}}
    return join_generated(base, settings, chosen, about, out)


def _join_folder(base: Store, settings: GeneratedImages, photos: Path, out: Path) -> dict[str, Any]:
    """Write the data set with all generated images that lie in a folder of photos, and return its meta.json."""
    synthetic = read_synthetic(photos, base.meta["classes"])
    for run, about in synthetic.runs.items():
        _check_seen(run, about["data"], base)
    classes, labels = base.meta["classes"], {image.label for image in synthetic.images}
    if without := [repr(name) for label, name in enumerate(classes) if label not in labels]:
        say(
            f"{photos} has no generated images of {', '.join(without)}: a network may learn to tell generated images"
            " from photos in place of the classes"
        )
    runs = {run: about["weights"] for run, about in synthetic.runs.items()}
    return join_generated(base, settings, synthetic.images, {"runs": runs, "declaration": synthetic.declaration}, out)


def _check_seen(run: str, data: Mapping[str, Any], base: Store) -> None:
    """Refuse a generator that saw images on which the classifier is evaluated; say where that is not known."""
    if base.meta["sha256"] in (data["sha256"], (data["base"] or {}).get("sha256")):
        return
    if data["content"] == base.meta["source"]["content"]:
        raise UserError(
            f"{run} was trained on the same photos, but not on the training part of {base.path.name}: it saw some that"
            " are evaluated on. Train it with +training_set=classifier, the same held_out and data_seed, and draw again"
        )
    say(f"{run} was trained on other images ({data['name']}): nothing tells whether photos are among both")


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
