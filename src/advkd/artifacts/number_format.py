"""Numbers as the tables show them."""


def format_number(value: float | None, decimals: int, std: float | None = None) -> str:
    """Return a number as text, followed by ± and its standard deviation if there is one; a dash without a number."""
    if value is None:
        return "–"
    if std is None:
        return f"{value:,.{decimals}f}"
    return f"{value:.{decimals}f} ± {std:.{decimals}f}"


def format_thousandths(value: float, std: float | None) -> str:
    """Return a KID in thousandths as text, followed by ± and its standard deviation if there is one."""
    return format_number(1000 * value, 2, None if std is None else 1000 * std)


def format_published(mean: str, std: str) -> str:
    """Return a published number as text; a dash where nothing is printed.

    Args:
        mean: the number as printed; empty if none is printed.
        std: its standard deviation as printed; empty if none is printed.
    """
    if std:
        return f"{mean} ± {std}"
    return mean or "–"
