import re

import numpy as np
import pytest
from gip_runs import CLASSES, end, finish, generate
from scipy.stats import entropy as scipy_entropy

from advkd.artifacts import figure_captions, figures, gip_figures
from advkd.files import read_json
from advkd.runs.lookup import folder_of
from advkd.settings import catalog, config

FIGURES = ["gip_figureS1", "gip_figureS2", "gip_figureS3"]
GIP, DAFL = "gip/cifar10/resnet18/gip", "gip/cifar100/resnet18/dafl"


@pytest.fixture
def user(checkout):
    return config.user({"scale": "paper", "seeds": 3})


@pytest.fixture
def run(user):
    return lambda name: config.resolve(name, user)


@pytest.fixture
def filled(user):
    """Finished runs of seed 0, and of GIP on CIFAR-10 of all seeds."""
    for one in catalog.runs("gip_figureS1", user).values():
        if one.run.seed and one.run.group != GIP:
            continue
        finish(one)
        generate(one)
    return user


@pytest.fixture
def drawn(monkeypatch):
    """The captions of the figures that were drawn."""
    found = []
    real = figure_captions.figure_caption
    monkeypatch.setattr(gip_figures, "figure_caption", lambda *words: found.append(real(*words)) or found[-1])
    return found


def arrays(one):
    with np.load(folder_of(one).path / "samples.npz") as found:
        return dict(found)


def test_the_figures_are_offered_and_show_the_same_runs(user):
    assert set(FIGURES) <= set(catalog.figures()) and set(FIGURES) <= set(figures.FIGURES)
    groups = [sorted({cell.run for cell in catalog.cells(figure)}) for figure in FIGURES]
    assert groups[0] == groups[1] == groups[2] and len(groups[0]) == 4
    for figure in FIGURES:
        for cell in catalog.cells(figure):
            assert not cell.mean and "not in the paper" in cell.note
            assert (
                cell.row
                == f"{cell.run.split('/')[1].upper().replace('CIFAR', 'CIFAR-')} / {cell.run.split('/')[3].upper()}"
            )


@pytest.mark.parametrize("figure", FIGURES)
def test_figures_are_the_same_bytes_twice(figure, user, run, tmp_path, drawn):
    for name in (GIP, DAFL):
        finish(run(f"{name}/seed0"))
        generate(run(f"{name}/seed0"), epochs=3)
    for folder in ("a", "b"):
        figures.write_figure(figure, user, tmp_path / folder)
    for suffix in ("pdf", "png", "svg", "json"):
        first, second = ((tmp_path / folder / f"{figure}.{suffix}").read_bytes() for folder in "ab")
        assert first == second and len(first) > 200
    assert drawn[0].startswith(f"GIP, Figure {figure[-2:]}: ") and "(not in the paper)" in drawn[0]
    assert "official archive, verified by published checksum" in drawn[0]


@pytest.mark.parametrize("figure", FIGURES)
def test_without_any_run_a_figure_says_so(figure, user, tmp_path, drawn):
    figures.write_figure(figure, user, tmp_path)
    assert "No run is finished." in drawn[0]
    assert {entry["state"] for entry in read_json(tmp_path / f"{figure}.json")["numbers"].values()} == {"not run"}


@pytest.mark.parametrize("figure", FIGURES)
def test_runs_that_ended_have_words_and_no_numbers(figure, filled, run):
    for seed in range(3):
        end(run(f"{GIP}/seed{seed}"), status="diverged", step=900, epoch=3)
        end(run(f"{DAFL}/seed{seed}"), status="blocked", parent="gip/cifar100/resnet34/baseline/seed0", reason="x")
    _, caption, found = figures.FIGURES[figure](figure, filled)
    assert re.search(r"Left out: .*CIFAR-10 / GIP \(diverged", caption) and "CIFAR-100 / DAFL (blocked" in caption
    assert found["CIFAR-10 / GIP"]["state"].startswith("diverged") and "blocked" in found["CIFAR-100 / DAFL"]["state"]
    assert set(found["CIFAR-10 / GIP"]) <= {"run", "state"} < set(found["CIFAR-10 / DAFL"]) | {"run"}


def test_shown_images_are_spread_over_the_training(filled, run, monkeypatch):
    shown = []
    real = gip_figures.moments.draw
    monkeypatch.setattr(gip_figures.moments, "draw", lambda blocks: shown.extend(blocks) or real(blocks))
    *_, found = gip_figures.draw_images_over_training("gip_figureS1", filled)
    stored, numbers = arrays(run(f"{GIP}/seed0")), found["CIFAR-10 / GIP"]
    assert len(stored["epochs"]) == 7 and numbers["epochs"] == stored["epochs"][[0, 2, 3, 4, 6]].tolist()
    np.testing.assert_array_equal(shown[0].images, stored["images"][[0, 2, 3, 4, 6], :4])
    assert numbers["taken_for"][4] == [f"kind_{label}" for label in stored["predicted"][6, :4]]
    assert numbers["confidence"][0] == pytest.approx(stored["confidence"][0, :4].tolist(), abs=1e-4)
    assert numbers["mean_confidence"][4] == pytest.approx(stored["confidence"][6].mean(), abs=1e-4)


def test_counts_and_entropies_are_those_of_the_epochs(filled, run):
    *_, found = gip_figures.draw_class_frequencies("gip_figureS2", filled)
    stored, numbers = arrays(run(f"{DAFL}/seed0")), found["CIFAR-100 / DAFL"]
    assert numbers["counts"] == {"1": stored["frequency"][0].tolist(), "12": stored["frequency"][-1].tolist()}
    expected = [scipy_entropy(line) / np.log(CLASSES["cifar100"]) for line in stored["frequency"]]
    assert numbers["entropy"] == pytest.approx(expected, abs=1e-6)


def test_entropy_of_equal_shares_and_of_one_class():
    assert gip_figures.relative_entropy(np.full(7, 12)) == pytest.approx(1)
    assert gip_figures.relative_entropy(np.array([0, 9, 0])) == 0
    assert gip_figures.relative_entropy(np.array([5, 5, 0, 0])) == pytest.approx(0.5)


def test_json_holds_no_infinity():
    assert gip_figures.finite_or_none(np.array([0.5, np.inf, np.nan])) == [0.5, None, None]


@pytest.mark.parametrize(
    ("count", "wanted", "expected"), [(1, 5, [0]), (3, 5, [0, 1, 2]), (9, 3, [0, 4, 8]), (200, 2, [0, 199])]
)
def test_spaced_moments(count, wanted, expected):
    assert gip_figures.evenly_spaced(count, wanted) == expected


def test_histories_of_all_seeds_are_drawn(filled, run, drawn, monkeypatch):
    end(run(f"{GIP}/seed1"), status="diverged", step=900, epoch=3)
    seen = []
    real = gip_figures.histories.draw
    monkeypatch.setattr(gip_figures.histories, "draw", lambda *parts: seen.append(parts) or real(*parts))
    *_, shown = gip_figures.draw_histories("gip_figureS3", filled)
    panels, _, floors = seen[0]
    first, second = panels["CIFAR-10"]
    assert [(one.name, len(one.seeds)) for one in (first, second)] == [("GIP", 2), ("DAFL", 1)]
    assert "Left out: CIFAR-10 / GIP (diverged (1 of 3), epoch 3)." in drawn[0]
    assert floors == {("CIFAR-10", "L_IE"): -1, ("CIFAR-100", "L_IE"): pytest.approx(-np.log10(CLASSES["cifar100"]))}
    table = np.genfromtxt(folder_of(run(f"{GIP}/seed2")).path / "history.csv", delimiter=",", names=True)
    numbers = shown["CIFAR-10 / GIP"]
    assert numbers["state"] == "diverged (seed 1 at epoch 3)" and f"{GIP}/seed1" not in numbers
    for name in ("epoch", "bns", "L_OH", "L_IE", "L_ACT"):
        assert numbers[f"{GIP}/seed2"][name] == table[name].tolist()
    assert "Seeds 0, 2." in drawn[0]


def test_terms_without_a_weight_are_absent(checkout):
    user = config.user({"scale": "paper", "seeds": 1, "override": {"gip": {"alpha": 0}}})
    one = config.resolve(f"{GIP}/seed0", user)
    finish(one)
    generate(one)
    assert set(gip_figures.read_history(one)) == {"epoch", "bns", "L_IE", "L_ACT"}
    drawn, *_ = gip_figures.draw_histories("gip_figureS3", user)
    assert [text.get_text() for text in drawn.axes[1].texts] == ["GIP: weight 0"]


@pytest.mark.parametrize(
    ("figure", "file", "content", "reason"),
    [
        ("gip_figureS1", "samples.npz", b"damaged", r"is not what the run wrote \(its checksum differs\)"),
        ("gip_figureS2", "samples.npz", None, "is missing"),
        ("gip_figureS3", "history.csv", b"epoch,bns\n1,\n", "has an empty field in column bns"),
        ("gip_figureS3", "history.csv", b"", ".*it has no row.*"),
        ("gip_figureS3", "history.csv", None, "is missing"),
    ],
)
def test_damaged_files_are_one_line_in_the_figure_s_place(figure, file, content, reason, filled, run, tmp_path, capsys):
    path = folder_of(run(f"{GIP}/seed0")).path / file
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    figures.write_figure(figure, filled, tmp_path)
    told, made = capsys.readouterr().err.splitlines()
    assert re.fullmatch(
        rf"{figure}: .*gip/seed0/{file} {reason}: delete result.json beside it, then: advkd train {GIP}/seed0", told
    )
    assert read_json(tmp_path / f"{figure}.json") == {"damage": told.removeprefix(f"{figure}: ")}
    assert made.startswith(f"{figure} -> ") and (tmp_path / f"{figure}.pdf").read_bytes().startswith(b"%PDF")
