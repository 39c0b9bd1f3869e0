"""Says what a folder of images holds, and what a training will make of it: `advkd doctor --folder`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from advkd.artifacts.plain_text import printable
from advkd.data.images import TURNS
from advkd.data.survey import Survey, survey_folder
from advkd.errors import UserError
from advkd.inference.class_results import wilson
from advkd.settings import config
from advkd.settings.classifier import FEW_OF_CLASS, ClassifierRun
from advkd.settings.config import Resolved
from advkd.settings.config_files import paper_file
from advkd.settings.user import User

PAPER = "aikd"  # whose settings say how a folder is split
UNNAMED = "mine"  # what a folder is called that `folders` does not name
MOST_NAMED = 5  # files or pairs named in a line
MOST_CLASSES = 40  # in the table
WIDTH = 11  # of the first column
FEW = 500  # training images, fewer than which a network does not learn well from nothing
WIDE = 7.0  # percentage points on either side, from which on an interval hides most differences
UNEVEN = 4  # times as many images in one class as in another, from which on accuracy hides the small one
# What runs can be trained with views of which size: pixels of the shorter side of most images, from the largest. A view
# shows a part of a photo, so the photo should be a little larger.
SIZES = (
    (240, "resnet18", ""),
    (120, "resnet18", "+image_size=112+stored_size=160"),
    (56, "preact_resnet18", "+image_size=64+stored_size=80"),
    (0, "preact_resnet18", ""),
)


def report(path: Path, user: User) -> tuple[str, bool]:
    """Return what a folder of images holds as lines of text, and whether a classifier can be trained on it as it is.

    Raises:
        UserError: `path` is no folder, or holds no images.
    """
    name = _name_of(path, user)
    split = {**paper_file(PAPER).defaults, **user.override.get("aikd", {})}
    found = survey_folder(path, _number(split["held_out"]), int(_number(split["data_seed"])), name in user.links)
    lines = [_title(found), "", *_classes(found), "", *_files(found), *_duplicates(found)]
    resolved, why = (None, found.refusal) if found.refusal else _training(name, path, found, user)
    faults = [*([found.refusal or why] if found.refusal or why else []), *_must_be_mended(found, name)]
    lines += ["", *_in_training(found, resolved, user)] if resolved else []
    lines += ["", *_rows("to mend", faults)] if faults else []
    return "\n".join(map(printable, lines)), not faults


def _name_of(path: Path, user: User) -> str:
    """Return the name that the user's configuration gives a folder."""
    named = (name for name, folder in user.folders.items() if Path(folder).resolve() == path.resolve())
    return next(named, UNNAMED)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"override.{PAPER}: {value!r} is no number")
    return value


def _row(what: str, text: str) -> str:
    return f"{what:<{WIDTH}}{text}"


def _rows(what: str, texts: Iterable[str]) -> list[str]:
    return [_row("" if number else what, text) for number, text in enumerate(texts)]


def _title(found: Survey) -> str:
    images, classes = len(found.places), len(found.counts())
    return (
        f"{found.path}: {_counted(images, 'image')} of {_counted(classes, 'class', 'classes')},"
        f" {found.megabytes:.1f} MB"
    )


def _counted(number: int, one: str, several: str = "") -> str:
    return f"{number:,} {one if number == 1 else several or f'{one}s'}"


def _classes(found: Survey) -> Iterator[str]:
    """Yield the table of classes."""
    counts = found.counts()
    shown = dict(list(counts.items())[:MOST_CLASSES])
    names = {name: name or "(in no folder)" for name in shown}
    width = max(WIDTH, *(len(printable(name)) + 2 for name in names.values()))
    if found.refusal:
        yield f"{'class':<{width}}{'images':>8}"
        for name, of_class in shown.items():
            yield f"{printable(names[name]):<{width}}{of_class.total():>8,}"
    else:
        yield f"{'class':<{width}}{'train':>8}{'evaluate':>10}"
        for name, of_class in shown.items():
            yield f"{printable(names[name]):<{width}}{of_class['train']:>8,}{of_class['evaluate']:>10,}"
    if len(counts) > len(shown):
        yield f"{'…':<{width}}{len(counts) - len(shown)} more classes"
    if not found.refusal:
        yield f"{'all':<{width}}{found.images('train'):>8,}{found.images('evaluate'):>10,}   {_split(found)}"


def _split(found: Survey) -> str:
    if not found.split_is_drawn:
        return "the folder's own split"
    return "drawn by scene (subfolders of a class)" if found.has_scenes else "drawn by image"


def _files(found: Survey) -> Iterator[str]:
    """Yield what is known of the files themselves."""
    if len(found.places):
        yield _row("sizes", _sizes(found.sizes))
        yield _row("modes", ", ".join(f"{mode} {number:,}" for mode, number in Counter(found.modes).most_common()))
    turned = {number: count for number, count in found.orientations.items() if number in TURNS}
    if turned:
        kinds = ", ".join(f"{number}: {count:,}" for number, count in sorted(turned.items()))
        yield _row("turned", f"{sum(turned.values()):,} by their EXIF orientation ({kinds}): seen upright in training")
    else:
        yield _row("turned", "none by an EXIF orientation")
    if found.unread:
        kinds = ", ".join(f"{number:,} {suffix or 'without a suffix'}" for suffix, number in found.unread.items())
        yield _row("left out", f"{kinds}: not called like images")
    yield _row("broken", f"{len(found.broken):,}, see below" if found.broken else "none")


def _sizes(sizes: np.ndarray) -> str:
    shorter, longer = sizes.min(axis=1), sizes.max(axis=1)
    unique = np.unique(sizes, axis=0)
    if len(unique) == 1:
        return f"all {unique[0][0]} x {unique[0][1]} pixels"
    sides = [
        f"{what} side {side.min():,} to {side.max():,}, median {np.median(side):,.0f}"
        for what, side in (("shorter", shorter), ("longer", longer))
    ]
    return f"{'; '.join(sides)} pixels; {len(unique):,} different sizes"


def _duplicates(found: Survey) -> Iterator[str]:
    """Yield what is known of images that are there more than once."""
    number = sum(len(group) - 1 for group in found.copies)
    if number:
        shown = _listed([_same(found, group, " = ") for group in found.copies[:MOST_NAMED]], len(found.copies))
        yield _row("copies", f"{_counted(number, 'file')} with the bytes of another: {shown}")
    else:
        yield _row("copies", "none: no two files have the same bytes")
    if found.alike:
        shown = _listed([_same(found, pair, " ~ ") for pair in found.alike[:MOST_NAMED]], len(found.alike))
        yield _row("alike", f"{_counted(len(found.alike), 'pair')} of images look alike: {shown}")
    else:
        yield _row("alike", "none: no other two images look alike")


def _same(found: Survey, names: Sequence[str], sign: str) -> str:
    words = {"parts": "trained and evaluated on", "classes": "of two classes"}
    crossing = [words[what] for what in found.crosses(names)]
    shown = sign.join(names[:3]) + (f"{sign}…" if len(names) > 3 else "")
    return f"{shown} ({', '.join(crossing)})" if crossing else shown


def _listed(shown: Sequence[str], number: int) -> str:
    return "; ".join(shown) + (f"; and {number - len(shown)} more" if number > len(shown) else "")


def _must_be_mended(found: Survey, name: str) -> Iterator[str]:
    if found.broken:
        number = len(found.broken)
        yield f"{_counted(number, 'file')} cannot be decoded; without it: --config 'tolerate={{{name}: {number}}}'"
        yield from (f"{image} {reason}" for image, reason in found.broken.items())
    both = [group for group in found.copies if "classes" in found.crosses(group)]
    if both:
        yield f"{_counted(len(both), 'image')} in the folders of two classes: decide which one"


def _training(name: str, path: Path, found: Survey, user: User) -> tuple[Resolved | None, str]:
    """Return the run that suits the images, or None and why its settings are impossible."""
    shorter = float(np.median(found.sizes.min(axis=1)))
    model, variant = next((model, variant) for side, model, variant in SIZES if shorter >= side)
    with_folder = user.model_copy(update={"folders": {**user.folders, name: str(path)}})
    run = config.Run.parse(f"{PAPER}/{name}/{model}/aikd{variant}/seed0")
    if set(user.override.get("aikd", {})) & dict(run.variant).keys():  # the user has chosen
        run = replace(run, variant=())
    try:
        return config.resolve(run, with_folder), ""
    except UserError as error:
        return None, str(error)


def _in_training(found: Survey, resolved: Resolved, user: User) -> Iterator[str]:
    """Yield what a training makes of the images, and what is worth knowing beforehand."""
    settings = resolved.typed
    assert isinstance(settings, ClassifierRun)
    train, evaluate = found.images("train"), found.images("evaluate")
    yield _row("suits", f"{resolved.run}  (views of {settings.views.image_size} pixels)")
    from advkd.training.recipe import fit  # loads torch, which the pass over the images does without

    batch, lr = fit(settings.batch, settings.recipe.lr, settings.passes * train, settings.least_steps)
    steps = -(-settings.passes * train // batch)
    length = f"{_counted(settings.recipe.epochs, 'epoch')} of {_counted(steps, 'step')}"
    yield _row("", f"at scale {resolved.scale}: {length}, batch {batch}, lr {lr:g}")
    yield from _rows("notes", _notes(found, settings, user, train, evaluate))


def _notes(found: Survey, settings: ClassifierRun, user: User, train: int, evaluate: int) -> Iterator[str]:
    counts = found.counts()
    few = [f"{name} {of['train']}" for name, of in counts.items() if of["train"] < FEW_OF_CLASS]
    if few:
        named = ", ".join(few[:MOST_NAMED]) + (", …" if len(few) > MOST_NAMED else "")
        yield f"fewer than {FEW_OF_CLASS} training images, of which a class is hardly learned: {named}"
    if train < FEW and settings.start is None:
        how = f"+start={next(iter(user.starts))} in the run's name" if user.starts else "docs/your-own-images.md"
        yield f"{train} images are few to learn from nothing: start from a trained network ({how})"
    low, high = wilson(round(0.9 * evaluate), evaluate)
    if 50 * (high - low) > WIDE:
        yield (
            f"{evaluate} images to evaluate on: 90 % right may mean {100 * low:.0f} to {100 * high:.0f} %; hold more"
            " out (held_out), or train several seeds"
        )
    most, least = (pick(counts.items(), key=lambda pair: pair[1]["train"]) for pick in (max, min))
    times = most[1]["train"] / least[1]["train"] if least[1]["train"] else 0
    if times >= UNEVEN:
        yield (
            f"{most[0]} has {times:.0f} times as many images as {least[0]}: read the recall of each class, not the"
            " accuracy alone"
        )
    leaks = sum("parts" in found.crosses(names) for names in (*found.copies, *found.alike))
    if leaks:
        drawn = "the preparation leaves them out of the evaluation"
        fate = drawn if found.split_is_drawn else "results look better than they are"
        yield f"{_counted(leaks, 'image')} or more both trained and evaluated on: {fate}"
