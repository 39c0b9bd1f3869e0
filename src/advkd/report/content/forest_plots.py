"""The forest plot of a paper's answer, as a file of any format, for the page, the PDF and docs/findings.md."""

from advkd.artifacts.drawing import forest
from advkd.artifacts.drawing.forest import LIGHT, Theme
from advkd.artifacts.drawing.formats import render
from advkd.artifacts.drawing.page import style
from advkd.report.content.answers import Answer


def forest_plot(answer: Answer, suffix: str, narrow: bool = False, theme: Theme = LIGHT) -> bytes:
    """Return the plot of an answer that has tests.

    Args:
        answer: the answer.
        suffix: ".svg", ".pdf" or ".png".
        narrow: whether it must fit a phone: see `forest.draw`.
        theme: the colours.
    """
    with style():
        figure = forest.draw([tested.row() for tested in answer.tests], answer.axis, narrow, theme)
    return render(figure, suffix, f"{answer.short}: tests of its main claims")


def forest_in_words(answer: Answer) -> str:
    """Return the caption of an answer's plot."""
    if any(tested.row().is_drawn for tested in answer.tests):
        sentences = [
            f"{_gain(answer)}; above 0 is as claimed.",
            f"Bars: intervals of {answer.level} %, so that all of the paper are right together with 95 %.",
            "Shaded: smaller than the margin. Ticks: single seeds.",
        ]
    else:
        sentences = [f"The tests of {answer.short}, and their outcomes so far."]
    if not any(tested.published for tested in answer.tests):
        sentences.append(f"The paper does not print {answer.tests[0].measure.name}.")
    return " ".join(sentences)


def _gain(answer: Answer) -> str:
    """Return what the axis shows, as a sentence."""
    tested = answer.tests[0]
    how_much = f"how many {tested.measure.unit}" if tested.measure.unit else "how much"
    direction = tested.decision.contrast.direction
    return f"By {how_much} the first side's {tested.measure.name} is {direction} than the second side's"


def forest_spoken(answer: Answer) -> str:
    """Return what an answer's plot shows as text, for those who do not see it."""
    lines = []
    for tested in answer.tests:
        effects = [
            f"{whose} {text}" for whose, text in (("here", tested.ours), ("in the paper", tested.papers)) if text
        ]
        lines.append(f"{tested.name}: {'; '.join([tested.remark, *effects])}.")
    return f"Forest plot, {answer.axis}. {' '.join(lines)}"
