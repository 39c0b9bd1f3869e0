"""Groups of settings for tests, from flat values; what a test does not name has its default."""

from advkd.schema import Settings, keys_of
from advkd.settings.layers import defaults


def make(group: type[Settings], **values):
    """Return a group of settings; every key must be one of the group's, so that no test sets what nothing reads."""
    unknown = values.keys() - keys_of(group).keys()
    assert not unknown, f"{group.__name__} has no {sorted(unknown)}"
    return group.from_flat({**defaults(group), **values})
