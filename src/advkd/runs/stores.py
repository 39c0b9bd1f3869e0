"""What is known of the prepared data set of a run: whether it is what today's settings, images and code would make."""

from pathlib import Path

from advkd.data import folder_source
from advkd.data.preparing_code import preparing_code
from advkd.data.store_meta import META, read_meta
from advkd.errors import UserError
from advkd.settings.config import Resolved
from advkd.settings.user import User


def store_of(resolved: Resolved, user: User) -> Path:
    """Return the folder of a run's store, which need not exist."""
    return Path(user.data_root, "stores", resolved.store)


def outdated(resolved: Resolved, user: User) -> str:
    """Return why a store that exists must be prepared again; "" where nothing is known against it.

    A damaged meta.json is known; the other files, and a folder of images, are not read. In a state that was not seen
    before, a folder may hold other images.
    """
    store, name = store_of(resolved, user), resolved.run.dataset
    if not (store / META).exists():
        return ""
    try:
        read_meta(store)
        if resolved.settings["data"] != "folder":
            return ""
        content = folder_source.seen_content(Path(user.folders[name]), store, name in user.links)
    except UserError as error:
        return str(error)
    except OSError:  # whoever uses the store tells it
        return ""
    if content is None:
        return "its folder of images changed, or is another one; the next snakemake prepares it again"
    if content != folder_source.recorded_content(store):
        return "it was prepared from other images than its folder holds; the next snakemake prepares it again"
    return ""


def made_by_older_code(resolved: Resolved, user: User) -> bool:
    """Return whether a store that exists was made by other code than today's, or does not say by which."""
    try:
        meta = read_meta(store_of(resolved, user))
    except (OSError, UserError):  # `outdated` tells a damaged one, and whoever uses the store what cannot be read
        return False
    today = preparing_code("crops" in resolved.store_settings, resolved.settings["data"] == "made")
    return meta.get("code") != today
