"""Where the images of a prepared data set come from, in words."""

from typing import Any

from advkd.data.preparing_code import is_of_today


def describe_data(data: dict[str, Any]) -> str:
    """Return where images come from, and whether older code prepared them.

    Args:
        data: the content of a store's meta.json, or "data" of a run's provenance.json.
    """
    code = data.get("code")
    older = "" if code is None or is_of_today(code) else ", prepared before a change of advkd's code, and still counted"
    return describe_source(data["source"]) + older


def describe_source(source: dict[str, Any]) -> str:
    """Return a description of `source`, an entry of a store's meta.json and of a run's provenance.json."""
    return _describe_origin(source) + _describe_left_out(source.get("left_out", 0))


def _describe_left_out(count: int) -> str:
    if not count:
        return ""
    return f", without {count} faulty {'file or box' if count == 1 else 'files or boxes'}"


def _describe_origin(source: dict[str, Any]) -> str:
    content = f"content {source['content'][:12]}"
    if source["verified"] == "drawn on the spot":
        return "images drawn by a program, not photographed"
    if source["verified"] == "the user's own images":
        return f"the user's own images ({content})"
    if source["verified"] == "accepted by the user":
        return f"NOT the official archive but data accepted by the user ({content})"
    return f"official archive, verified by {source['verified']}"
