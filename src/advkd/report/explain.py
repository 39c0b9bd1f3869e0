"""What a cell rests on: its runs, settings, seeds, weights, data and machine; and which cells rest on a run."""

from typing import Any

from advkd.artifacts import papers
from advkd.artifacts.number_format import NOTHING, format_count, format_published
from advkd.artifacts.table_cells import DAMAGED
from advkd.damage import attempt
from advkd.data.settings import OF_FOLDER
from advkd.errors import UserError
from advkd.report.content.agreement import Agreement
from advkd.report.content.cell_facts import cell_facts
from advkd.report.content.run_facts import Facts, provenance_facts, result_facts
from advkd.report.content.tables import our_numbers
from advkd.report.status import read_cell, runs_of_cell
from advkd.runs.folder_names import RESULT, SAMPLES
from advkd.runs.lookup import folder_of, state_of
from advkd.runs.state import Kind
from advkd.runs.stores import DataChecks
from advkd.settings import catalog, config
from advkd.settings.config import Resolved
from advkd.settings.names import Run
from advkd.settings.published_cells import Cell
from advkd.settings.tags import group, is_tag, tags
from advkd.settings.user import User


def report(subject: str, words: list[str], user: User) -> str:
    """Return what the cells of a table rest on, or what rests on a run group.

    Args:
        subject: a table or figure; or, without words, a tag (R17), a run or a run group.
        words: words in the row and column of the cells.
        user: the user's configuration.

    Raises:
        UserError: there is no such cell or run.
    """
    if not is_tag(subject) and "/" not in subject:
        return "\n\n".join(explain_cell(cell, user) for cell in catalog.find_cells(subject, words))
    if words:
        raise UserError(f"{subject} is a run group: leave out {' '.join(words)!r}, or name a table first")
    if is_tag(subject):
        return explain_group(group(subject, user), user)
    run = Run.parse(subject if "/seed" in subject else f"{subject}/seed0")
    return explain_group(run.group, user)


# A run group


def explain_group(name: str, user: User) -> str:
    """Return the states of a run group's seeds, what it learns from, and everything that rests on it."""
    all_runs = catalog.all_runs(user)
    runs = [resolved for resolved in all_runs.values() if resolved.run.group == name]
    if not runs:
        runs = [config.resolve(f"{name}/seed{seed}", user) for seed in config.seeds(name, user)]
    known_tags = tags(user)
    lines = [f"{with_tag(name, known_tags)}  at scale {user.scale}"]
    lines += [f"  run         {resolved.run}: {state_of(resolved)}" for resolved in runs]
    lines += outdated_lines(runs, user)
    parents = {(parent.run.group, role) for role, parent in runs[0].parents.items()}
    for parent, role in sort_by_tag(parents, known_tags):
        lines.append(f"  learns from {with_tag(parent, known_tags)}, its {role}")
    generators = {(gan.run.group, shown) for shown, gan in runs[0].generators.items()}
    for gan, shown in sort_by_tag(generators, known_tags):
        lines.append(f"  images of   {with_tag(gan, known_tags)}, of {shown}")
    lines += folder_lines(runs)
    for trained, shown in sort_by_tag(find_users(name, all_runs), known_tags):
        lines.append(f"  images for  {with_tag(trained, known_tags)}, of {shown}")
    for learner, role in sort_by_tag(find_learners(name, all_runs), known_tags):
        lines.append(f"  taught      {with_tag(learner, known_tags)}, as its {role}")
    lines += explain_places(name, user)
    lines.append(f"  settings    advkd config {runs[0].run} {config.options(user)}")
    return "\n".join(lines)


def folder_lines(runs: list[Resolved]) -> list[str]:
    """Return lines on the runs that drew the generated images of a user's folder, as the trained runs record it."""
    lines: dict[str, None] = {}
    for resolved in runs:
        if resolved.settings.get("generator") == OF_FOLDER:
            provenance, _ = attempt(folder_of(resolved).provenance)
            drawn = provenance["data"].get("generated", {}).get("runs", {}) if provenance else {}
            lines |= dict.fromkeys(f"  images of   {run}, weights {weights}" for run, weights in drawn.items())
    return list(lines)


def find_learners(name: str, all_runs: dict[str, Resolved]) -> set[tuple[str, str]]:
    """Return the groups that learn from a run group, each with the role that it has for them."""
    learners = set()
    for resolved in all_runs.values():
        for role, parent in resolved.parents.items():
            if parent.run.group == name:
                learners.add((resolved.run.group, role))
    return learners


def find_users(name: str, all_runs: dict[str, Resolved]) -> set[tuple[str, str]]:
    """Return the groups whose data set has images of a run group, each with what these show."""
    found = set()
    for resolved in all_runs.values():
        for shown, gan in resolved.generators.items():
            if gan.run.group == name:
                found.add((resolved.run.group, shown))
    return found


def explain_places(name: str, user: User) -> list[str]:
    """Return lines for the cells and figures that show a run group."""
    cells, shown_in = [], []
    for artifact in catalog.artifacts():
        of_group = [cell for cell in catalog.cells(artifact) if name in (cell.run, cell.of)]
        if artifact not in catalog.figures():
            cells += of_group
        elif of_group:
            shown_in.append(artifact)
    lines = [f"  cell        {summarize_cell(cell, user)}" for cell in cells]
    lines += [f"  figure      {figure}" for figure in shown_in]
    return lines or ["  cell        none: no table or figure shows it"]


def with_tag(name: str, known_tags: dict[str, str]) -> str:
    """Return a run group with its tag before it. A group that only this command names has none."""
    return f"{known_tags.get(name, 'no tag')} {name}"


def sort_by_tag(groups: set[tuple[str, str]], known_tags: dict[str, str]) -> list[tuple[str, str]]:
    """Return (group, role) pairs in the order of the tags."""
    places = {name: place for place, name in enumerate(known_tags)}
    return sorted(groups, key=lambda pair: (places.get(pair[0], len(places)), pair))


def summarize_cell(cell: Cell, user: User) -> str:
    """Return a cell in one line: its place, our number or why there is none, and the published number."""
    row, problems = read_cell(cell, user)
    ours = f"{DAMAGED}: {'; '.join(problems)}" if problems else f"{describe_ours(cell, row)}, {row['status']}"
    line = f"{cell.table}: {cell.row} | {cell.column}  ({cell.metric}): ours {ours}"
    return f"{line}; published {format_published(cell.mean, cell.std)}" if cell.mean else line


def describe_ours(cell: Cell, row: dict[str, Any]) -> str:
    """Return our numbers for a cell as the tables show them, the leading one first; a dash where there is none."""
    numbers, damage = attempt(our_numbers, cell, row)
    if damage:
        return DAMAGED
    return "; ".join(f"{number} {measure}".strip() for measure, number in numbers or []) or NOTHING


# A cell


def explain_cell(cell: Cell, user: User) -> str:
    """Return what one cell rests on."""
    row, problems = read_cell(cell, user)
    lines = [f"{cell.table}: {cell.row} | {cell.column}"]
    facts: Facts = [("ours", f"{describe_ours(cell, row)}  at scale {user.scale}")]
    facts_of_cell, unreadable = attempt(cell_facts, cell, row, Agreement())
    facts += facts_of_cell or []
    if row["status"] == Kind.NOT_BUILT.value:
        facts.append(("state", row["damage"]))
    facts += [("damaged", problem) for problem in [*problems, unreadable] if problem]
    if cell.kind == "data" and not problems:
        facts.append(("official", format_count(row["official"])))
    runs = runs_of_cell(cell, user)
    if runs:
        known_tags = tags(user)
        groups = dict.fromkeys(resolved.run.group for resolved in runs)
        facts += [("rests on", with_tag(name, known_tags)) for name in groups]
        facts.append(("settings", f"advkd config {runs[0].run} {config.options(user)}"))
    lines += [f"  {name:<11} {value}" for name, value in facts]
    for resolved in runs:
        lines += explain_run(resolved, bool(problems))
    lines += outdated_lines(runs, user)
    if runs:
        lines.append(f"  made by     {papers.command(cell.table, user)}")
    return "\n".join(lines)


def explain_run(resolved: Resolved, damage_is_shown: bool) -> list[str]:
    """Return lines for a run: its state, and the facts from its files.

    Args:
        resolved: the run.
        damage_is_shown: whether another line says what is wrong with damaged files.
    """
    state = state_of(resolved)
    hide_detail = state.kind is Kind.DAMAGED and damage_is_shown
    lines = [f"  run         {resolved.run}: {state.word if hide_detail else state}"]
    facts, problem = attempt(run_facts, resolved)
    lines += [f"    {name:<18} {value}" for name, value in facts or []]
    if problem and not damage_is_shown:
        lines.append(f"    damaged            {problem}")
    return lines + [line for shown, gan in resolved.generators.items() for line in explain_images(shown, gan)]


def explain_images(shown: str, gan: Resolved) -> list[str]:
    """Return lines for a run that drew images of a run's data set: its state, its own data, and its samples."""
    lines = [f"    images of          {gan.run}, of {shown}: {state_of(gan)}"]
    folder = folder_of(gan)
    result, _ = attempt(folder.result) if folder.has(RESULT) else (None, "")
    if result and SAMPLES in result["sha256"]:
        lines.append(f"      trained on       {gan.store}")
        lines.append(f"      sha256 samples   {result['sha256'][SAMPLES]}, {folder.path / SAMPLES}")
    return lines


def outdated_lines(runs: list[Resolved], user: User) -> list[str]:
    """Return lines on those runs that were trained on other images than those of today."""
    done = [resolved for resolved in runs if state_of(resolved).finished]
    return [f"  outdated    {caution}" for caution in DataChecks(user).cautions(done)]


def run_facts(resolved: Resolved) -> Facts:
    """Return the facts about a run that ended; nothing about any other run."""
    folder = folder_of(resolved)
    if not folder.has(RESULT):
        return []
    facts = result_facts(resolved, folder.result()) + provenance_facts(folder.provenance())
    return [*facts, ("folder", str(folder.path))]
