"""What is known of the prepared data set of a run: whether it is what today's settings, images and code would make."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from advkd.damage import attempt
from advkd.data import folder_source, synthetic_folder
from advkd.data.preparing_code import derived_code, preparing_code, preparing_module
from advkd.data.settings import OF_FOLDER
from advkd.data.store_meta import META, check_settings, read_meta
from advkd.errors import UserError
from advkd.runs.folder_names import SAMPLES
from advkd.runs.lookup import folder_of
from advkd.settings.config import Resolved
from advkd.settings.user import User


def store_of(resolved: Resolved, user: User) -> Path:
    """Return the folder of a run's store, which need not exist."""
    return Path(user.data_root, "stores", resolved.store)


def outdated(resolved: Resolved, user: User) -> str:
    """Return why a store that exists must be prepared again; "" where nothing is known against it.

    A damaged meta.json is known; the other files, and a folder of images, are not read. In a state that was not seen
    before, a folder may hold other images. The reason stands in captions, which are published, so it names no path.
    """
    store = store_of(resolved, user)
    if not (store / META).exists():
        return ""
    try:
        check_settings(store, read_meta(store), resolved.settings)
    except UserError as error:
        return str(error).replace(f"{store}/", "").replace(str(store), "its store")
    except OSError:  # whoever uses the store tells it
        return ""
    if resolved.derived:
        return _derived_outdated(resolved, user)
    if resolved.settings["data"] != "folder":
        return ""
    content, reason = _seen_content(resolved, user)
    if reason:
        return reason
    if content is None:
        return "its folder of images changed, or is another one; the next snakemake prepares it again"
    if content != folder_source.recorded_content(store):
        return "it was prepared from other images than its folder holds; the next snakemake prepares it again"
    return ""


def _derived_outdated(resolved: Resolved, user: User) -> str:
    """Return why a store that was made of another one must be made again; "" where nothing is known against it."""
    base = resolved.base()
    if reason := outdated(base, user):
        return f"data set {base.store}, of which it was made: {reason}"
    meta = read_meta(store_of(resolved, user))
    made_of, _ = attempt(read_meta, store_of(base, user))
    if made_of and made_of["sha256"] != meta.get("base", {}).get("sha256"):
        return f"it was made of other images than {base.store} holds; the next snakemake makes it again"
    if resolved.settings.get("generator") == OF_FOLDER:
        today = synthetic_folder.declared(Path(user.folders[resolved.run.dataset]))
        if today is None:
            return "its folder has no generated images any more: advkd synthesize RUN --into FOLDER"
        if today != meta.get("generated", {}).get("declaration"):
            return "it has other generated images than its folder holds; the next snakemake makes it again"
    joined = meta.get("generated", {}).get("runs", {})
    for gan in resolved.generators.values():
        result, _ = attempt(folder_of(gan).result)
        drawn = result["sha256"].get(SAMPLES) if result else None
        if joined and drawn and joined.get(str(gan.run)) != drawn:
            return f"it has other images than {gan.run} draws today; the next snakemake makes it again"
    return ""


def _seen_content(resolved: Resolved, user: User) -> tuple[str | None, str]:
    """Return the content of a run's folder of images, None where it is not known, and what is wrong with the folder."""
    name = resolved.run.dataset
    folder, named = Path(user.folders[name]), f"the folder of images that `folders` names for {name}"
    try:
        return folder_source.seen_content(folder, store_of(resolved, user), name in user.links), ""
    except UserError:  # its message is about a path
        lost = "cannot be read" if folder.is_dir() else "is gone"
        return None, f"{named} {lost}: correct `folders`, or start snakemake, which says more"
    except OSError:
        return None, f"{named} cannot be read: start snakemake, which says why"


def missing_places(user: User, runs: Iterable[Resolved]) -> list[str]:
    """Return a line for each place of the user's that some runs need and that does not exist.

    A folder whose images were prepared before is not among them: `outdated` tells it.
    """
    lines, sources = [], {}
    for resolved in runs:
        if not (store_of(resolved, user) / META).exists():
            sources[resolved.run.dataset] = resolved.settings["data"]
    for name, source in sources.items():
        if source == "folder" and not Path(user.folders[name]).is_dir():
            lines.append(f"the folder of images that `folders` names for {name} does not exist: correct `folders`")
    if user.mirror and "real" in sources.values() and not Path(user.mirror).exists():
        lines.append("the mirror that `mirror` names does not exist: correct `mirror`")
    return lines


def made_by_older_code(resolved: Resolved, user: User) -> bool:
    """Return whether a store that exists was made by other code than today's, or does not say by which."""
    try:
        meta = read_meta(store_of(resolved, user))
    except (OSError, UserError):  # `outdated` tells a damaged one, and whoever uses the store what cannot be read
        return False
    today = preparing_code(preparing_module(resolved.store_settings), resolved.settings["data"] == "made")
    return meta.get("code") != (derived_code(today) if resolved.derived else today)


class DataChecks:
    """Tells whether finished runs were trained on the images of today.

    Each store is looked at once, so an object should serve one report only.
    """

    def __init__(self, user: User) -> None:
        self.user = user
        self._of_stores: dict[str, tuple[str, str | None, dict[str, Any]]] = {}

    def caution(self, resolved: Resolved) -> str:
        """Return in one line why the images that a run was trained on are not those of today; "" where none says so.

        Results may come without their data: of a store that is not there nothing is known. What is wrong with the
        run's own files is for others to tell.
        """
        if resolved.store not in self._of_stores:
            self._of_stores[resolved.store] = self._look(resolved)
        reason, content, meta = self._of_stores[resolved.store]
        if not reason:
            provenance, _ = attempt(folder_of(resolved).provenance)
            data = provenance["data"] if provenance else {}
            others = "other images than the run was trained on"
            if meta and "sha256" in data and meta.get("sha256") != data["sha256"]:
                reason = f"it holds {others}; the next snakemake trains it again"
            elif content and "source" in data and content != data["source"].get("content"):
                reason = f"its folder holds {others}; the next snakemake prepares it again"
        return f"data set {resolved.store}: {reason}" if reason else ""

    def cautions(self, runs: Iterable[Resolved]) -> list[str]:
        """Return the cautions of some finished runs, each once."""
        return list(dict.fromkeys(filter(None, map(self.caution, runs))))

    def _look(self, resolved: Resolved) -> tuple[str, str | None, dict[str, Any]]:
        """Return what is wrong with a run's store, the content of its folder of images if known, and its meta.json."""
        if reason := outdated(resolved, self.user):
            return reason, None, {}
        content = None
        if resolved.settings["data"] == "folder":
            content, reason = _seen_content(resolved.base(), self.user)
        meta, _ = attempt(read_meta, store_of(resolved, self.user))
        return reason, content, meta or {}
