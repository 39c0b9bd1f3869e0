"""Formulas in plain text, as the papers print them: `tau^2` is $\\tau^2$, `S_(t-1)` is $S_{t-1}$, `x^` is $\\hat x$.

What looks like a setting, such as `tau_g` or `omega=0.1`, is no formula.
"""

import re
from collections.abc import Callable

GREEK = ("alpha", "beta", "gamma", "delta", "epsilon", "eps", "lambda", "omega", "rho", "sigma", "tau")
NAMES = {"eps": r"\varepsilon", "epsilon": r"\varepsilon"}
FORMULA = re.compile(
    r"(?<![\w+/=`.-])(?:"
    rf"(?P<greek>{'|'.join(GREEK)})(?:_(?P<index>[A-Z]+))?(?P<square>\^2)?"
    r"|(?P<network>[SL])_(?:\((?P<step>[t0-9+-]+)\)|(?P<word>sup|t|[A-Z]{1,3}))"
    r"|(?P<hat>[xy])\^(?=[\s,;:.)(]|$)"
    r"|10\^(?P<power>-?\d+)"
    r")(?![\w=`]|\.\w)"
)


def set_formulas(text: str, escape: Callable[[str], str]) -> str:
    """Return text in LaTeX with its formulas in math mode; `escape` writes what stands between them."""
    pieces, end = [], 0
    for match in FORMULA.finditer(text):
        pieces += [escape(text[end : match.start()]), f"${_formula(match)}$"]
        end = match.end()
    return "".join([*pieces, escape(text[end:])])


def _formula(match: re.Match[str]) -> str:
    parts = match.groupdict(default="")
    if parts["greek"]:
        name = NAMES.get(parts["greek"], f"\\{parts['greek']}")
        index = f"_{_upright(parts['index'])}" if parts["index"] else ""
        return f"{name}{index}{parts['square']}"
    if parts["network"]:
        index = f"{{{parts['step']}}}" if parts["step"] else _upright(parts["word"])
        return f"{parts['network']}_{index}"
    return rf"\hat {parts['hat']}" if parts["hat"] else f"10^{{{parts['power']}}}"


def _upright(index: str) -> str:
    """Return an index in braces: a word is upright, a letter is not."""
    return rf"{{\mathrm{{{index}}}}}" if len(index) > 1 else f"{{{index}}}"
