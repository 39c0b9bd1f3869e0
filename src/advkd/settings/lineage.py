"""Which runs a run learns from or starts from, and whose images are in its data set."""

from collections.abc import Mapping
from dataclasses import replace

from advkd.data.settings import OF_FOLDER, ClassifierStoreSettings
from advkd.errors import UserError
from advkd.methods.settings.base import registered
from advkd.methods.settings.okd import AcganSettings
from advkd.schema import choices_of, keys_of
from advkd.settings import config_files, draws
from advkd.settings.aikd import INHERITED
from advkd.settings.classifier import IMAGES, ClassifierRun
from advkd.settings.draws import draws_of
from advkd.settings.gan import NETWORK_SIZE, OF_CLASSIFIER
from advkd.settings.gip import GipRun
from advkd.settings.names import Run
from advkd.settings.papers import RunSettings

GANS = "okd"  # the paper whose runs draw images for data sets
CONDITIONAL = choices_of(AcganSettings, "model")  # the GANs that draw images of a class
ALL_CLASSES = "all classes"
# What a run's name says of these it says of ReActNet's second step alone.
SECOND_ONLY = {"binary", "shortcut", "first_step", "weight_decay"}


def parents(run: Run, settings: Mapping[str, object]) -> dict[str, Run]:
    """Return the runs that `run` learns from or starts from, by role, given its flat settings.

    All have the run's own seed, so that the spread over seeds is that of the whole: of teacher and student together.

    superior: the run of the same data and network, with what the variant says of these.
    teacher: a larger network's Baseline run on the same images.
    gan: the run whose generator draws images for GAN-TSC.
    start: the first of ReActNet's two steps.
    """
    roles: dict[str, Run] = {}
    if "superior" in settings:
        roles["superior"] = run.other(INHERITED, method=str(settings["superior"]))
    if "teacher" in settings:
        roles["teacher"] = run.other(IMAGES, model=str(settings["teacher"]), method="baseline")
    if "gan" in settings:
        roles["gan"] = run.other(IMAGES, model=str(settings["gan"]), method="acgan")
    if "first_step" in settings:
        roles["start"] = _first_step(run, str(settings["first_step"]))
    return roles


def generators(run: Run, settings: RunSettings) -> dict[str, Run]:
    """Return the runs whose images are in the training part of a run's data set, by what their images show.

    A GAN that draws images of a class is one run, on the images of all classes. Of any other, each class has a run of
    its own. Their seed is the number of the draw of real images (`subset`), so that another draw has another GAN.

    Raises:
        UserError: no generator has the name that the settings say, it is not known how many classes there are, or
            the images of a folder are asked for where there is none, or at another size.
    """
    if not isinstance(settings, ClassifierRun) or settings.generated is None:
        return {}
    if settings.generated.generator == OF_FOLDER:  # these images name their runs themselves
        _check_of_folder(run, settings.data)
        return {}
    file, name = config_files.paper_file(GANS), settings.generated.generator
    if name not in file.generators:
        raise UserError(f"{run}: generator is {name!r}; {file.path} names {', '.join(file.generators)}")
    seed = settings.data.crops.subset if settings.data.crops else 0
    named = Run.parse(f"{GANS}/{run.dataset}/{file.generators[name]}/seed{seed}")
    data = {key: value for key, value in run.variant if key in keys_of(ClassifierStoreSettings)}
    if draws_of(run):
        data[draws.KEY] = str(seed)
    variant = {**dict(named.variant), **data, "training_set": OF_CLASSIFIER}
    if named.model in CONDITIONAL:
        return {ALL_CLASSES: replace(named, variant=tuple(sorted(variant.items())))}
    if (count := settings.data.class_count) is None:
        raise UserError(
            f"{run}: {named.model} draws no images of a class, so each class needs a GAN of its own: say how many"
            f" classes there are (classes), or choose a generator of {', '.join(map(str, CONDITIONAL))}"
        )
    of_classes = [{**variant, "only_class": str(number)} for number in range(1, count + 1)]
    return {
        f"class {of_class['only_class']}": replace(named, variant=tuple(sorted(of_class.items())))
        for of_class in of_classes
    }


def _check_of_folder(run: Run, data: ClassifierStoreSettings) -> None:
    """Refuse the generated images of a folder for a data set that is none, or whose images have another size."""
    if data.data != "folder":
        raise UserError(f"{run}: generator is {OF_FOLDER!r}, but {run.dataset} is no folder of yours (folders)")
    if data.stored_size != NETWORK_SIZE:
        raise UserError(
            f"{run}: stored_size is {data.stored_size}, but generators draw {NETWORK_SIZE} pixels: add"
            f" stored_size={NETWORK_SIZE} to the run's name, or take preact_resnet18 or densenet121_cifar"
        )


def _first_step(run: Run, first_step: str) -> Run:
    method = run.method if first_step == "same" else first_step
    own = keys_of(registered(run.paper)[method])
    kept = (keys_of(GipRun, without=("method",)).keys() | own.keys()) - SECOND_ONLY
    first = run.other(kept, method=method)
    return replace(first, variant=tuple(sorted((*first.variant, ("binary", "activations")))))


def repeated(settings: Mapping[str, object]) -> dict[str, str]:
    """Return the keys that only repeat another's value, each with what it would need to apply.

    `schedule_epochs` says what milestones are fractions of where that is not the run's own length.
    """
    same = "schedule_epochs" in settings and settings["schedule_epochs"] == settings.get("epochs")
    return {"schedule_epochs": "another number than epochs"} if same else {}


def named_once(settings: Mapping[str, object]) -> dict[str, object]:
    """Return the settings with `first_step: same` where the first step's method is the run's own, named once more."""
    own = "first_step" in settings and settings["first_step"] == settings.get("method")
    return {**settings, "first_step": "same"} if own else dict(settings)
