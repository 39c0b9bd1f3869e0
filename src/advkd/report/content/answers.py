"""The answer to the papers' main claims, one for each paper: verdict, counts, tests, and what they were made with.

The tests are those of paper/evidence.yaml. At another scale than theirs, or with other settings, their differences are
shown and decide nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from advkd.artifacts.changed_settings import changed_by_kind, changed_settings
from advkd.artifacts.data_sources import describe_data
from advkd.artifacts.drawing.forest import FAILS, HOLDS, OPEN
from advkd.artifacts.papers import about_paper, network_in_words
from advkd.claims.evidence import ALPHA, Outcome, data_cautions, decide_all, join_all
from advkd.damage import attempt
from advkd.data import registry
from advkd.progress import duration
from advkd.report.content.costs import Cost, read_costs
from advkd.report.content.measured_groups import MeasuredGroup, read_measured
from advkd.report.content.tested import Tested, read_tests
from advkd.runs.lookup import folder_of
from advkd.runs.provenance import describe_machines
from advkd.settings import catalog, config, config_files
from advkd.settings.config import Resolved
from advkd.settings.evidence_plan import Plan, load_plan
from advkd.settings.user import User

NO_VERDICT = "no verdict"
# How a verdict on a claim counts; any other word is open.
COUNTED = {"holds": HOLDS, "fails": FAILS, "contradicted": FAILS}
SIZES = ("width", "epochs", "iterations", "crops")  # the settings that say most of a scale


class Count(NamedTuple):
    """How many tests or claims hold, fail and are open, and how often each finer word applies."""

    of: str
    holds: int
    fails: int
    open: int
    words: dict[str, int]

    @property
    def total(self) -> int:
        """All of them."""
        return self.holds + self.fails + self.open

    @property
    def parts(self) -> list[tuple[str, int]]:
        """The three numbers with their names."""
        return [(HOLDS, self.holds), (FAILS, self.fails), (OPEN, self.open)]


@dataclass(frozen=True)
class Answer:
    """The answer of one paper.

    Attributes:
        paper, short, title, citation: the paper.
        is_test: whether the runs are those of the plan, so that its tests decide.
        verdict: what holds, fails and is open, in one sentence.
        tests: the tests.
        counts: those of the tests, of the claims on the paper's own numbers, and of the claims on ours.
        level: the coverage of the intervals, in %.
        scale: what was made smaller than in the paper, in words.
        data: the data sets and where their images come from, in words.
        made: when and where the runs of the tests and those that they learn from were trained, in words; empty without
            any.
        changes: every setting that differs from the paper's, in words, those of one kind of run on one line.
        measured: what every run group of the plan measured.
        costs: what would decide the open tests.
        controls: what the plan's controls ask, in words.
        undecidable: the claims that nothing that is run here can decide, as (id, why).
        judged: the claims that hold or fail on our numbers, as (word, id, claim); they were not fixed beforehand.
        cautions: what limits the numbers: images that changed since.
        error: why there is no answer; otherwise empty.
    """

    paper: str
    short: str
    title: str
    citation: str
    is_test: bool = False
    verdict: str = "The tests cannot be read."
    tests: list[Tested] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)
    level: str = ""
    scale: str = ""
    data: str = ""
    made: str = ""
    measured: list[MeasuredGroup] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    controls: str = ""
    changes: list[str] = field(default_factory=list)
    undecidable: list[tuple[str, str]] = field(default_factory=list)
    judged: list[tuple[str, str, str]] = field(default_factory=list)
    cautions: list[str] = field(default_factory=list)
    error: str = ""

    @property
    def axis(self) -> str:
        """What the effects of the tests are."""
        return "; ".join(dict.fromkeys(tested.axis for tested in self.tests))


def gather_answers(user: User, claims: Iterable[Mapping[str, Any]]) -> list[Answer]:
    """Return the answer of every paper that the plan tests, given the claims as `judgements.judge_all` returns them."""
    plan, problem = attempt(load_plan)
    return [_answer(paper, plan, problem, user, list(claims)) for paper in config.PAPERS]


def _answer(paper: str, plan: Plan | None, problem: str, user: User, claims: list[Mapping[str, Any]]) -> Answer:
    about, unknown = attempt(about_paper, paper)
    about = about or {"short": paper, "title": "", "citation": unknown}
    judged = [
        (claim["ours"]["word"], claim["id"], claim["claim"])
        for claim in claims
        if claim["paper"] == paper and claim["ours"]["word"] in (HOLDS, FAILS)
    ]
    undecidable = [
        (claim["id"], claim["ours"]["why"])
        for claim in claims
        if claim["paper"] == paper and claim["ours"]["word"] == NO_VERDICT
    ]
    counts = [
        _count_claims("all claims, on the numbers in print", "published", paper, claims),
        _count_claims("all claims, on our runs", "ours", paper, claims),
    ]
    unread = Answer(
        paper,
        about["short"],
        about["title"],
        about["citation"],
        counts=counts,
        controls=about.get("controls", ""),
        undecidable=undecidable,
        judged=judged,
        error=problem,
    )
    if plan is None:
        return unread
    answer, error = attempt(_with_tests, unread, plan, user)
    return answer or replace(unread, error=error)


def _with_tests(unread: Answer, plan: Plan, user: User) -> Answer:
    """Return the answer with its tests; every other paper's are decided by themselves."""
    of_paper = plan.model_copy(update={"contrasts": tuple(one for one in plan.contrasts if one.paper == unread.paper)})
    pairs = join_all(of_paper, user)
    is_test = user.scale == plan.scale and not user.override and not user.folders
    level = 1 - ALPHA / max(len(pairs), 1)
    tests = read_tests(decide_all(pairs), plan.seeds, level, is_test)
    runs = list({str(run.run): run for pair in pairs for run in (*pair.better.runs, *pair.than.runs)}.values())
    tested = {str(run.run): run for pair in pairs for run in pair.finished}
    provenances = _provenances(tested.values())
    behind = _provenances(run for name, run in catalog.with_parents(tested).items() if name not in tested)
    return replace(
        unread,
        is_test=is_test,
        verdict=verdict_of(tests, plan, user),
        tests=tests,
        counts=[count_words("tests of main claims, on our runs", [tested.outcome for tested in tests]), *unread.counts],
        level=f"{100 * level:.3g}",
        scale=scale_in_words(runs, user),
        data=data_in_words(runs, provenances),
        made=made_in_words(provenances, behind),
        changes=changes_in_words(runs, user),
        measured=read_measured(unread.paper, plan, user),
        costs=read_costs(unread.paper, pairs, tests, plan, user),
        cautions=data_cautions(pairs, user),
    )


def verdict_of(tests: list[Tested], plan: Plan, user: User) -> str:
    """Return what the tests say in one sentence; in several where they differ."""
    if config_files.scale_file(user.scale).data == "made":
        return f"Scale {user.scale} trains on drawn images for seconds and answers nothing."
    if not tests or not tests[0].is_test:
        return (
            f"The tests are those of scale {plan.scale} with its settings; what was trained here decides none of them."
        )
    if all(tested.decision.outcome is Outcome.UNFINISHED for tested in tests):
        return f"Not answered yet: none of the {len(tests)} tests has all its {plan.seeds} seeds."
    names = {word: [tested.name for tested in tests if tested.outcome == word] for word in (HOLDS, FAILS, OPEN)}
    heads = {HOLDS: "Holds at this scale", FAILS: "Fails at this scale", OPEN: "Open"}
    if len(tests) in map(len, names.values()):
        one = tests[0].outcome
        return f"All {len(tests)} tests {'are open' if one == OPEN else one.rstrip('s')} at this scale."
    return " ".join(f"{heads[word]}: {join_words(of_word)}." for word, of_word in names.items() if of_word)


def join_words(words: list[str]) -> str:
    """Return a list in words, for example "A, B, and C"."""
    if len(words) < 3:
        return " and ".join(words)
    return f"{', '.join(words[:-1])}, and {words[-1]}"


def count_words(of: str, words: Iterable[str]) -> Count:
    """Return how many of some verdicts hold, fail and are open."""
    finer = Counter(words)
    coarse = Counter({HOLDS: 0, FAILS: 0, OPEN: 0})
    for word, number in finer.items():
        coarse[COUNTED.get(word, OPEN)] += number
    return Count(of, coarse[HOLDS], coarse[FAILS], coarse[OPEN], dict(finer))


def _count_claims(of: str, side: str, paper: str, claims: Iterable[Mapping[str, Any]]) -> Count:
    return count_words(of, [claim[side]["word"] for claim in claims if claim["paper"] == paper])


def scale_in_words(runs: list[Resolved], user: User) -> str:
    """Return what is smaller than in the paper, "width 16 of 64, iterations 2000 of 50000 or 1000 of 250000"."""
    changed: dict[str, dict[str, None]] = {}
    for run in runs:
        for key, (ours, theirs) in changed_settings([run], user).items():
            changed.setdefault(key, {})[f"{ours} of {theirs}"] = None
    sizes = [f"{key} {' or '.join(changed[key])}" for key in SIZES if key in changed]
    others = len(changed) - len(sizes)
    if others:
        sizes.append(f"{others} other {'setting' if others == 1 else 'settings'} changed")
    networks = ", ".join(dict.fromkeys(network_in_words(run.run.model) for run in runs))
    return f"{networks}: {', '.join(sizes) or 'all sizes as in the paper'}"


def data_in_words(runs: list[Resolved], provenances: list[dict[str, Any]]) -> str:
    """Return the data sets of the runs, and where the images came from as far as runs are finished."""
    sources = {provenance["data"]["name"]: describe_data(provenance["data"]) for provenance in provenances}
    texts = []
    for name in dict.fromkeys(run.run.dataset for run in runs):
        entry, _ = attempt(registry.load(config.REGISTRY).get, name)
        title = entry.title.partition(":")[0] if entry else name
        texts.append(f"{title} ({sources.get(name, 'no finished training says yet from where')})")
    return "; ".join(texts)


def _provenances(runs: Iterable[Resolved]) -> list[dict[str, Any]]:
    return [provenance for run in runs if (provenance := attempt(folder_of(run).provenance)[0])]


def changes_in_words(runs: list[Resolved], user: User) -> list[str]:
    """Return every setting that differs from the paper's: "all: batch 128 (paper: 1024), epochs 20 (paper: 200)"."""
    lines = []
    for kind, changed in changed_by_kind(
        list(catalog.with_parents({str(run.run): run for run in runs}).values()), user
    ).items():
        texts = [f"`{key}` {ours} (paper: {theirs})" for key, (ours, theirs) in changed.items()]
        lines.append(f"{kind or 'all'}: {', '.join(texts)}")
    return lines


def made_in_words(provenances: list[dict[str, Any]], behind: list[dict[str, Any]]) -> str:
    """Return when, where and for how long runs and those behind them were trained; empty without runs."""
    if not provenances:
        return ""
    count = f"{len(provenances)} {'training' if len(provenances) == 1 else 'trainings'}"
    if behind:
        count += f" and the {len(behind)} that they learn from"
    provenances = [*provenances, *behind]
    days = sorted(one["began"][:10] for provenance in provenances for one in provenance["attempts"])
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    machines = dict.fromkeys(machine for provenance in provenances for machine in describe_machines(provenance))
    seconds = sum(provenance["wall_seconds"] for provenance in provenances)
    return f"{when}, {'; '.join(machines)}: {count}, {duration(seconds)}"
