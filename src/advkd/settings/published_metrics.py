"""The metrics that a file of published numbers may name, each with its unit, direction, range and kinds of cells."""

import math
import re
from typing import NamedTuple

CLASSIFIER = ("aikd", "gip")  # the papers whose runs classify
GAN = ("okd",)


class Metric(NamedTuple):
    """What a cell of a metric must be.

    Attributes:
        pattern: matches the metric's whole name.
        unit: "%" or nothing.
        better: "lower", "higher", or "" where neither is.
        least: the least value that it can have.
        most: the largest.
        kinds: the kinds of cells that may have it.
        papers: the papers whose runs have it; empty: it is no metric of runs, or one of all.
        drawn: whether it is no number: only a figure shows it.
        derived: whether it is a change that the papers' words give: only `text.csv` has it.
    """

    pattern: str
    unit: str = ""
    better: str = ""
    least: float = 0
    most: float = math.inf
    kinds: tuple[str, ...] = ("run", "quoted")
    papers: tuple[str, ...] = ()
    drawn: bool = False
    derived: bool = False

    def range_in_words(self) -> str:
        """Return the values that the metric can have, in words."""
        if self.most == math.inf:
            return "any number" if self.least == -math.inf else f"a number from {self.least:g}"
        return f"a number from {self.least:g} to {self.most:g}"


METRICS = (
    # Of classifiers (metrics/classification.py).
    Metric(r"(best\.)?top[15]_error|top[15]_(low|high)", "%", "lower", most=100, papers=CLASSIFIER),
    Metric(r"(best\.)?accuracy|accuracy_(low|high)|teacher_accuracy", "%", "higher", most=100, papers=CLASSIFIER),
    Metric(r"restored_ratio", "%", "higher", kinds=("ratio",), papers=CLASSIFIER),
    Metric(r"(best\.)?f1", "", "higher", most=1, papers=CLASSIFIER),
    Metric(r"(best\.)?ece|ece15|ece(15)?_ts(_whole)?", "%", "lower", most=100, papers=CLASSIFIER),
    Metric(r"nll(_ts(_whole)?)?", "", "lower", papers=CLASSIFIER),
    Metric(r"(map|ap\.[1-9])(_low|_high)?", "%", "higher", most=100, papers=CLASSIFIER),  # of crops of photos
    Metric(r"temperature(_whole)?", papers=CLASSIFIER),
    # Of GANs (metrics/gan.py). A mean is one over generators.
    Metric(r"(fid|fid_inf|fid_held_out|fid_early)\.G[1-9]", "", "lower", papers=GAN),
    Metric(r"(fid|fid_inf|fid_held_out|fid_early)\.mean", "", "lower", kinds=("mean", "quoted"), papers=GAN),
    Metric(r"fid\.(best|mixture|floor|floor_halves)", "", "lower", papers=GAN),
    Metric(r"kid(_early)?\.G[1-9]|kid\.(best|mixture|floor)", "", "lower", least=-math.inf, papers=GAN),
    Metric(r"kid(_early)?\.mean", "", "lower", least=-math.inf, kinds=("mean", "quoted"), papers=GAN),
    Metric(r"kid_se\.(G[1-9]|mean|floor)", "", "lower", papers=GAN),
    Metric(r"inter_kid\.final", least=-math.inf, papers=GAN),
    # Of any training (artifacts/training_time.py).
    Metric(r"seconds_per_epoch", "", "lower"),
    # Statistics of a data set (config/datasets.yaml).
    Metric(r"classes|train|valid|images|images_per_class|bridges|crops", kinds=("data",)),
    # What figures draw.
    Metric(r"reliability(_ts)?|tsne\.(classes|superior)", papers=("aikd",), drawn=True),
    Metric(r"samples|frequency|bns", papers=("gip",), drawn=True),
    Metric(r"samples\.G[1-9]", papers=GAN, drawn=True),
    # Changes that the papers' words give.
    Metric(r"fid\.(G[1-9]|mean)\.decrease", "%", kinds=("quoted",), least=-math.inf, papers=GAN, derived=True),
    Metric(r"(top1_error|accuracy)\.difference", "%", kinds=("quoted",), papers=CLASSIFIER, derived=True),
)


def find_metric(name: str) -> Metric | None:
    """Return what is known of a metric; None where nobody computes it."""
    return next((metric for metric in METRICS if re.fullmatch(metric.pattern, name)), None)
