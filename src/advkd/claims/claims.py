"""The papers' claims (paper/claims.yaml), checked on the numbers that they print and on ours.

A claim is one or several predicates, all of which must hold. On printed numbers it *holds*, is *contradicted* by the
paper's own table, or its numbers are *not printed*; how surely it holds is said beside it, by Welch's t where
deviations are printed. Where a sentence leaves room, its `reading` says what the predicates make of it; numbers that
are against them make it *contradicted as read here*, which is no contradiction of the paper's.

On ours, the decision rule is this. Every comparison has a 95 % interval over seeds (Welch). An order *holds* where the
interval of the difference excludes zero in the claimed direction, and *fails* where it excludes zero in the other. A
stated number holds where the interval contains it and excludes zero in its direction, and fails where the interval does
not contain it. "Hardly matters" holds where the interval lies within a margin, and fails where it lies outside.
Otherwise there are *not enough runs*. A claim of m comparisons holds where all of them do at 95 %, which needs no
correction, and fails where one does at 100 - 5/m % (Bonferroni), since one of many fails by chance; where one is enough
for the claim, holding is corrected as well. A group without a finished training makes a claim *not run*; one that
diverged, or waits for one that did, *diverged* or *blocked*; unless the other comparisons decide it already.

There is *no verdict* at a scale whose images are drawn by a program, on distances in features of random weights, on a
stated number at other settings than the paper's, and where no run can decide.
"""

import json
from dataclasses import asdict, dataclass
from itertools import chain, groupby
from typing import Any

from advkd.artifacts.papers import about_paper
from advkd.claims.evidence import Number, Ours, Published
from advkd.claims.file import Claim, load
from advkd.claims.parts import Examined, Part
from advkd.claims.predicates import Decrease, Difference, Rows, SomeLower, Value, all_of
from advkd.errors import UserError
from advkd.metrics.effect import LEVEL, seeds_needed
from advkd.progress import duration
from advkd.settings import catalog, config
from advkd.settings.user import User

STATED = (Difference, Decrease, Value)
CONTRADICTED, AS_READ = "contradicted", "contradicted as read here"
SHOWN = 4  # comparisons of a claim that docs/claims.md lists
HEAD = """# Claims

{count} claims of the three papers in numbers or orders, checked on the numbers that the papers print and on ours at
scale `{scale}`. Written by `advkd claims {options} --out FILE` from `paper/claims.yaml`; the rule of the
verdicts stands at the top of `src/advkd/claims/claims.py`. Intervals over images are of one training each: they tell
how much of a difference is the choice of evaluation images, and nothing of other seeds.
"""


@dataclass(frozen=True)
class Verdict:
    """What checking came to, in one word or two; why; what would settle it where it is open; what limits it."""

    word: str
    why: str = ""
    settle: str = ""
    caveat: str = ""
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """A claim's verdicts on the printed numbers and on ours at a scale, and what ours take.

    takes: how many `runs` are behind our numbers, and how many the `command` trains; None of print alone. made: on what
    those of the runs that are finished were trained (`Ours.made`).
    """

    claim: Claim
    scale: str
    command: str
    published: Verdict
    ours: Verdict
    takes: dict[str, int] | None
    made: dict[str, Any] | None


def judge(claim: Claim, user: User) -> Judgement:
    """Check a claim on the printed numbers, and on ours at the user's scale."""
    return _judge(claim, Ours(user))


def report(user: User) -> list[dict[str, Any]]:
    """Return all judgements as JSON: the claim's id, paper, place, claim, note, reading; scale, command, published,
    ours, takes, made.

    published, ours: the fields of `Verdict`, parts with those of `Part`. Numbers that are not known are null.
    """
    source = Ours(user)
    return [as_json(_judge(claim, source)) for claim in load()]


def as_json(judgement: Judgement) -> dict[str, Any]:
    """Return a judgement as JSON."""
    told = {key: getattr(judgement.claim, key) for key in ("id", "paper", "place", "claim", "note", "reading")}
    rest = {key: getattr(judgement, key) for key in ("scale", "command", "takes", "made")}
    verdicts = {key: asdict(getattr(judgement, key)) for key in ("published", "ours")}
    return json.loads(json.dumps(told | rest | verdicts, allow_nan=False))


def _judge(claim: Claim, source: Ours) -> Judgement:
    user = source.user
    behind = source.behind(claim.quantities)
    takes = {"runs": len(behind), "command": len(source.commanded(claim.targets))} if behind else None
    verdicts = published(claim), ours(claim, source)
    return Judgement(claim, user.scale, claim.command(user), *verdicts, takes, source.made(behind))


def published(claim: Claim) -> Verdict:
    """Check a claim on the numbers that its paper prints."""
    if claim.problem:
        return Verdict("not readable", claim.problem)
    decisions, parts, against, pairs = [], [], [], []
    for instance in claim.instances:
        if isinstance(instance.predicate, Rows):
            decision, words = rows(instance.predicate)
            against += [] if decision else [words]
        else:
            found = Examined.of(instance, Published(claim.tables).number)
            decision, own = found.decide_printed(), found.parts()
            parts += own
            pairs += found.numbers
            if decision is False:
                wrong = [part for part in own if part.agrees is False] or own
                against += [f"{part.compared}: {part.numbers}, claimed {part.claimed}" for part in wrong]
        decisions.append(decision)
    word = {True: "holds", False: AS_READ if claim.reading else CONTRADICTED, None: "not printed"}[all_of(decisions)]
    return Verdict(word, "; ".join(against) or significance(parts, pairs, word), parts=tuple(parts))


def significance(parts: list[Part], pairs: list[list[Number]], word: str) -> str:
    """Return in words how many of the printed differences their printed deviations bear out."""
    if word == "not printed":
        return "no table prints these numbers"
    tested = [part.p for part in parts if part.p is not None]
    if tested:
        sure = sum(p < 1 - LEVEL for p in tested)
        return f"significant by the printed deviations (Welch, p < 0.05): {sure} of {len(tested)} differences"
    if any(len({number.deviates for number in pair}) > 1 for pair in pairs):
        return "deviations are printed for one side only"
    compared = any(len(part.n) > 1 for part in parts)
    return "no deviations are printed to test it by" if compared else "as the table prints it"


def rows(predicate: Rows) -> tuple[bool, str]:
    """Return whether a table has just the claimed run groups, and in words which others it has or lacks."""
    printed, claimed = {cell.run for cell in catalog.cells(predicate.table)}, set(predicate.groups)
    more, fewer = sorted(printed - claimed), sorted(claimed - printed)
    words = [f"{predicate.table} has {len(printed)} rows, not {len(claimed)}"]
    words += [f"also {', '.join(more)}"] * bool(more) + [f"without {', '.join(fewer)}"] * bool(fewer)
    return not (more or fewer), "; ".join(words)


def ours(claim: Claim, source: Ours) -> Verdict:
    """Check a claim on our numbers, by the rule at the top."""
    user = source.user
    if claim.problem:
        return Verdict("not readable", claim.problem)
    if not claim.quantities:
        return Verdict("no verdict", "about what the paper prints, which no run can decide")
    if claim.unjudged:
        return Verdict("no verdict", claim.unjudged)
    if config.scale_file(user.scale)["data"] == "made":
        return Verdict("no verdict", f"scale {user.scale} trains tiny networks briefly on drawn images: its numbers"
                       " show that everything runs, and nothing else")  # fmt: skip
    try:
        found = [Examined.of(instance, source.number) for instance in claim.instances]
        parts = tuple(chain.from_iterable(one.parts(source) for one in found))
    except UserError as error:
        return Verdict("not readable", str(error))
    word, why = decide(found)
    foreign = user.scale != "paper" or user.override or user.folders
    stated = any(isinstance(one, STATED) for one in claim.check)
    if foreign and stated and word in ("holds", "fails", "not enough runs"):
        word, why = "no verdict", f"the paper states a number for its own settings, and scale {user.scale} has others"
    judged = word in ("holds", "fails", "not enough runs")
    caveat = f"of the settings and data of scale {user.scale}, which are not the paper's" if foreign and judged else ""
    return Verdict(word, why, settle(found) if word == "not enough runs" else "", caveat, parts)


def decide(found: list[Examined]) -> tuple[str, str]:
    """Return the verdict on our numbers, and why where it is not for the numbers themselves."""
    numbers = [number for one in found for pair in one.numbers for number in pair]
    if remarks := dict.fromkeys(number.remark for number in numbers if number.remark):
        return "no verdict", "; ".join(remarks)
    total = sum(len(one.effects) for one in found)
    strict = 1 - (1 - LEVEL) / total
    if all_of([one.decide(strict if isinstance(one.instance.predicate, SomeLower) else LEVEL) for one in found]):
        return "holds", ""
    if all_of([one.decide(strict) for one in found]) is False:
        return "fails", ""
    if gone := [number for number in numbers if number.ended]:
        return ("blocked" if "blocked" in gone[0].ended else "diverged"), gone[0].status
    if lacking := sum(effect is None for one in found for effect in one.effects):
        return "not run", f"{lacking} of {total} comparisons lack a finished run"
    return "not enough runs", ""


def settle(found: list[Examined]) -> str:
    """Return what would decide an open claim: how many seeds, from the spread that was observed."""
    opened = [(one.instance.predicate, effect) for one in found for effect in one.undecided()]
    if any(effect.error is None for _, effect in opened):
        return "one seed has no spread: run at least three of each (seeds=3)"
    needed = [seeds_needed(predicate.boundary(effect.estimate), effect.variances) for predicate, effect in opened]
    if None in needed:
        return "more than 1,000 seeds of each: the difference is too small for its spread"
    have = min(number.sample.n for one in found for pair in one.numbers for number in pair if number.sample.n > 1)
    more = max(max(needed) - have, 1)
    return f"about {have + more} seeds of each, {more} more, if difference and spread are what they seem (power 0.8)"


def document(user: User) -> str:
    """Return docs/claims.md: every claim with its place, its command, what it takes, and the verdicts."""
    found = report(user)
    lines = [HEAD.format(count=len(found), scale=user.scale, options=config.options(user))]
    lines += ["| claim | published | ours | runs |", "|---|---|---|---|"]
    for one in found:
        words = one["published"]["word"], one["ours"]["word"], taken(one)
        lines.append(f"| [{one['id']}](#{one['id']}) | {' | '.join(words)} |")
    for paper, entries in groupby(found, key=lambda one: one["paper"]):
        lines += ["", f"## {about_paper(paper)['short']}"]
        for one in entries:
            lines += ["", f"### {one['id']}", "", one["claim"], "", *entry(one)]
    return "\n".join(lines) + "\n"


def entry(one: dict[str, Any]) -> list[str]:
    """Return the lines of docs/claims.md below a claim."""
    printed, own, made = one["published"], one["ours"], one["made"]
    named = ("place", one["place"]), ("read here as", one["reading"]), ("note", one["note"])
    lines = [f"- {key}: {words}" for key, words in named if words]
    if one["command"]:
        lines.append(f"- check: `{one['command']}`, which trains {count(one['takes']['command'])}")
        lines.append(f"- takes {taken(one)}" + (f" on {'; '.join(made['machines'])}" if made else ""))
    lines.append(f"- published: **{printed['word']}**; {printed['why']}")
    reasons = [f"**{own['word']}**", *(own[key] for key in ("why", "settle", "caveat") if own[key])]
    lines.append(f"- ours: {'; '.join(reasons)}")
    shown = [part for part in own["parts"] if part["estimate"] is not None]
    lines += [f"  - {told(part)}" for part in shown[:SHOWN]]
    lines += [f"  - and {len(shown) - SHOWN} more"] * (len(shown) > SHOWN)
    if made:
        lines.append(f"- data: {'; '.join(made['data'])}")
    return lines


def taken(one: dict[str, Any]) -> str:
    """Return how many runs a claim takes, and how many of them finished, in how long; empty where it takes none."""
    takes, made = one["takes"], one["made"]
    if not takes:
        return ""
    done = f"{made['runs']} of them finished, in {duration(made['seconds'])}" if made else "none finished at this scale"
    return f"{count(takes['runs'])}; {done}"


def count(runs: int) -> str:
    """Return a number of runs in words."""
    return f"{runs:,} run{'s' * (runs != 1)}"


def told(part: dict[str, Any]) -> str:
    """Return one of our comparisons in a line."""
    words = [f"{part['compared']}: {part['numbers']}, claimed {part['claimed']}"]
    if part["low"] is not None:
        words.append(f"95 % over seeds {part['low']:.3g} to {part['high']:.3g}")
    if part["g"] is not None:
        words.append(f"{part['g']:.2g} standard deviations")
    if images := part["images"]:
        words.append(f"95 % over images, one training each, {images['low']:.3g} to {images['high']:.3g}")
    return "; ".join(words)
