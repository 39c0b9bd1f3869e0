import dataclasses
import json
import re
import statistics
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from advkd.claims import audit
from advkd.claims.audit import findings, remarks, rules, sentences
from advkd.claims.published import all_cells

FINDINGS = audit.find_all()
# The papers' contradictions as read by hand: where, printed, derived.
CONTRADICTIONS = [
    ("changes", "AI-KD, section 4.3", "1.43", "1.80"),
    ("changes", "AI-KD, section 4.4", "+1.80", "2.71"),
    ("changes", "AI-KD, section 4.4", "+2.71", "1.80"),
    ("repetitions", "AI-KD, Table 1: Coarse / CIFAR-100 | Classes", "10", "100"),
    ("repetitions", "AI-KD, Table 2: Top-1 Error / ResNet 18 / AI-KD | CIFAR-100", "0.10", "0.07"),
    ("data sets", "AI-KD, Table 1: Coarse / CIFAR-100 | Classes", "10", "100"),
    ("data sets", "AI-KD, Table 1: Fine-grained / FGVC aircraft | Images / Valid", "3334", "3333"),
    ("data sets", "AI-KD, Table 1: Fine-grained / FGVC aircraft | Images / Valid", "10001", "10000"),
    ("data sets", "OKD-SAGAN, section 4", "1600", "1590"),
    ("marks", "AI-KD, Table 2: Top-1 Error / ResNet 18 / CS-KD | CUB 200-2011", "no mark", "underline"),
    ("marks", "AI-KD, Table 3: ECE / DenseNet 121 / Baseline | CUB 200-2011", "no mark", "underline"),
    ("marks", "AI-KD, Table 3: Top-5 Error / ResNet 18 / PS-KD | Stanford Dogs", "underline", "bold"),
    ("marks", "AI-KD, Table 3: Top-5 Error / ResNet 18 / AI-KD | Stanford Dogs", "bold", "underline"),
]
CLAIMS = {
    "contradiction": {"aikd-top5-resnet", "aikd-omega-values", "gip-entropy-needed"},
    "remark": {"okd-sagan-all", "okd-acgan-all", "aikd-top1", "aikd-top5", "aikd-f1-everywhere",
               "aikd-omega-insensitive", "aikd-augmentations-help"},
}  # fmt: skip
REMARKS = {
    "13.18 ± 0.34, all 6 digits as in AI-KD, Table 3: Top-5 Error / DenseNet 121 / PS-KD | MIT67: probably a copy",
    "20.42 ± 0.04, 5.27 ± 0.29, all 10 digits as in AI-KD, Table 5: ResNet-18 / omega = 1.00",
    "above the accuracy of the same runs, 81.39 %", "deviation of 1.16 points in Top-1 error and of 0.2 in macro F1",
    "deviation of 0.09 points in Top-1 error and of 0.7 in macro F1",
    "worse than 78.30 (GIP, Table 1: CIFAR-100 | Proposed Method (%))",
    "worse than 77.73 (GIP, Table 1: CIFAR-100 | KD (%))",
    "7 of the 10 variants that learnt are worse than 77.22 (GIP, Table 1: CIFAR-100 | Baseline (%))",
}  # fmt: skip


def change(monkeypatch, select, **fields):
    """Change fields of the printed cells that `select` selects."""
    assert any(map(select, all_cells()))
    other = tuple(dataclasses.replace(cell, **fields) if select(cell) else cell for cell in all_cells())
    monkeypatch.setattr(findings, "all_cells", lambda: other)


def at(table, row, column=None, metric=None):
    return lambda cell: (
        (cell.table, cell.row) == (table, row) and column in (None, cell.column) and metric in (None, cell.metric)
    )


# --- what is found


def test_every_known_contradiction_and_no_other():
    by_rules = [
        (finding.rule, finding.where, finding.printed, finding.derived)
        for finding in FINDINGS
        if finding.kind == "contradiction" and not finding.fact.startswith("claim ")
    ]
    assert sorted(by_rules) == sorted(CONTRADICTIONS)
    for kind, names in CLAIMS.items():
        of_kind = [finding for finding in FINDINGS if (finding.rule, finding.kind) == ("claims", kind)]
        assert {finding.fact for finding in of_kind} == {f"claim {name}" for name in names}


def test_remarks():
    remarks = [finding for finding in FINDINGS if finding.kind == "remark"]
    chance = [(finding.printed, finding.derived) for finding in remarks if finding.rule == "chance"]
    assert len(chance) == 5 and set(chance) == {("1.00", "100/100")}
    messages = [finding.message for finding in remarks if finding.rule not in ("chance", "claims")]
    assert len(messages) == len(REMARKS)
    assert all(any(text in message for message in messages) for text in REMARKS)


def test_a_claim_that_another_sentence_contradicts():
    (finding,) = [finding for finding in FINDINGS if finding.rule == "other sentences"]
    assert (finding.fact, finding.kind) == ("claim aikd-overconfident", "contradiction")
    assert "above the diagonal" in finding.message and "under-confidence" in finding.message


def test_an_ece_that_over_confidence_does_not_allow(monkeypatch):
    """A network that is nowhere under-confident has an ECE of at most its error, as drawn confidences show."""
    found = [finding for finding in FINDINGS if finding.rule == "over-confidence"]
    assert {finding.seen[0].split(": ", 1)[1] for finding in found} == {
        "ECE / ResNet 18 | FGVC Aircraft: AI-KD 18.74", "ECE / DenseNet 121 | FGVC Aircraft: AI-KD 18.20",
    }  # fmt: skip
    change(monkeypatch, at("aikd_table3", "ECE / ResNet 18 / AI-KD", "FGVC Aircraft"), mean="15.58")
    assert len(sentences.check_overconfidence().findings) == 1  # 15.43 ± 0.15
    change(monkeypatch, at("aikd_table3", "ECE / ResNet 18 / AI-KD", "FGVC Aircraft"), mean="15.59")
    assert len(sentences.check_overconfidence().findings) == 2
    random = np.random.default_rng(0)
    confidence = random.uniform(0.1, 1, 20_000)
    right = random.random(20_000) < confidence * random.uniform(0.3, 1)  # right less often than confident
    bins = np.digitize(confidence, np.linspace(0, 1, 11)[1:-1])
    gaps = [abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    assert sum(gaps) == pytest.approx(confidence.mean() - right.mean()) and sum(gaps) <= 1 - right.mean()


def test_swapped_numbers_are_named():
    assert {finding.printed for finding in FINDINGS if "swapped" in finding.message} == {"+1.80", "+2.71"}


def test_no_finding_is_typed_in():
    """The rules name no number, table or method of a contradiction."""
    for module in (findings, rules, remarks, sentences):
        source = Path(module.__file__).read_text(encoding="utf-8")
        assert not re.search(r"table\d|omega|cub200|fgvc|\d\d\.\d\d|section \d", source)


@pytest.mark.parametrize(
    ("select", "fields", "rule", "expected"),
    [
        (at("okd_table1", "OKD-SAGAN"), {"mean": "132.31"}, rules.check_averages, ("132.31", "132.13")),
        (at("okd_table1", "OKD-ACGAN G3"), {"mean": "180.31"}, rules.check_averages, ("172.13", "172.46")),
        (at("gip_table3", "Our method", metric="restored_ratio"), {"mean": "99.31"}, rules.check_ratios,
         ("99.31 ± 0.04", "99.30")),
        (at("gip_table3", "Our method", metric="restored_ratio"), {"std": "0.06"}, rules.check_ratios,
         ("99.30 ± 0.06", "0.04")),
        (at("gip_table6", "ResNet-18", "Accuracy (%) / 200 Epochs"), {"mean": "78.03"}, rules.check_repetitions,
         ("78.30", "78.03")),
        (at("text", "okd_sagan_g2"), {"mean": "14.5"}, rules.check_changes, ("14.5", "15.4")),
        (at("text", "gip_cifar10_images_per_class"), {"mean": "5000"}, rules.check_data_sets, ("5000", "6000")),
        (at("aikd_table3", "Top-5 Error / ResNet 18 / PS-KD", "MIT67"), {"mark": ""}, rules.check_marks,
         ("no mark", "bold")),
        (at("gip_table1", "CIFAR-10", "KD (%)"), {"mean": "10.00"}, remarks.check_chance, ("10.00 ± 0.13", "100/10")),
        (at("aikd_table6", "alpha_CE = 0.7, alpha_G = 0.2, alpha_P = 0.1"), {"mean": "21.29", "std": "0.12"},
         remarks.check_copies, ("21.29 ± 0.12", "numbers of two trainings")),
    ],
)  # fmt: skip
def test_a_changed_number_is_found(monkeypatch, select, fields, rule, expected):
    before = {(finding.printed, finding.derived) for finding in rule().findings}
    change(monkeypatch, select, **fields)
    after = {(finding.printed, finding.derived) for finding in rule().findings}
    assert after - before == {expected}


@pytest.mark.parametrize(
    ("select", "fields", "rule", "left"),
    [
        (at("text", "aikd_gain_cskd"), {"mean": "1.80"}, rules.check_changes, 2),
        (at("aikd_table1", "Coarse / CIFAR-100", "Classes"), {"mean": "100"}, rules.check_repetitions, 1),
        (at("aikd_table1", "Fine-grained / FGVC aircraft", "Images / Valid"), {"mean": "3333"},
         rules.check_data_sets, 2),
        (at("aikd_table3", "Top-5 Error / ResNet 18 / AI-KD", "Stanford Dogs"), {"mean": "7.17"}, rules.check_marks, 2),
        (at("aikd_table5", "ResNet-18 / omega = 0.75"), {"std": "0.41"}, remarks.check_copies, 1),
        (at("aikd_table2", "F1 Score Macro / ResNet 18 / Baseline", "FGVC Aircraft"), {"mean": "0.814", "std": "0.012"},
         remarks.check_f1, 1),
        (lambda cell: cell.row == "One-Hot Loss", {"mean": "71.00"}, remarks.check_chance, 4),
    ],
)  # fmt: skip
def test_a_corrected_number_is_not_found(monkeypatch, select, fields, rule, left):
    assert len(rule().findings) > left
    change(monkeypatch, select, **fields)
    assert len(rule().findings) == left


def test_what_was_checked():
    counts = {checked.rule: checked.count for checked in audit.run_checks()}
    assert counts["stated differences and percentages"] == 24
    assert counts["averages"] == 2 and counts["ratios of accuracies"] == 6
    assert min(counts.values()) > 0 and sum(len(checked.findings) for checked in audit.run_checks()) == len(FINDINGS)


# --- what the printed numbers show statistically


def mean_and_std(text):
    mean, std = re.search(r"([\d.]+) ± ([\d.]+)", text).groups()
    return float(mean), float(std)


def test_best_against_second_best_as_scipy():
    comparisons = audit.compare_top_two()
    assert len(comparisons) == 48
    for top_two in comparisons:
        best, best_std = mean_and_std(top_two.best)
        second, second_std = mean_and_std(top_two.second)
        expected = stats.ttest_ind_from_stats(best, best_std, 3, second, second_std, 3, equal_var=False)
        assert (abs(top_two.t), top_two.p) == pytest.approx((abs(expected.statistic), expected.pvalue), abs=1e-9)
        assert top_two.t >= 0 and float(top_two.difference) == pytest.approx(abs(best - second))


@pytest.mark.parametrize(
    ("where", "metric", "t"),
    [
        ("aikd_table2: cifar100/preact_resnet18", "top1_error", 9), ("aikd_table2: mit67/resnet18", "top1_error", 1.8),
        ("aikd_table2: cifar100/densenet121_cifar", "top1_error", 2.7),
        ("aikd_table5: cifar100/preact_resnet18", "top1_error", 0.4), ("gip_table1: cifar10/resnet18", "accuracy", 1.9),
        ("gip_table1: cifar100/resnet18", "accuracy", 3.8), ("gip_table2: cifar10/reactnet18", "accuracy", 7.3),
        ("gip_table2: cifar100/reactnet18", "accuracy", 14.2),
    ],
)  # fmt: skip
def test_best_against_second_best_as_computed_by_hand(where, metric, t):
    (top_two,) = [pair for pair in audit.compare_top_two() if (pair.where, pair.metric) == (where, metric)]
    assert top_two.t == pytest.approx(t, abs=0.3)


@pytest.mark.parametrize(
    ("run", "single", "fids", "t", "p", "expected", "chance"),
    [
        ("okd/codebrim/sagan/okd", 139.76, (144.05, 118.23, 134.12), 0.51, 0.66, 128.7, 0.14),
        ("okd/codebrim/acgan/okd", 178.92, (165.39, 171.68, 179.31), 0.84, 0.49, 173.0, 0.076),
    ],
)
def test_the_best_of_three(run, single, fids, t, p, expected, chance):
    (control,) = [control for control in audit.control_by_chance() if control.run == run]
    assert (float(control.single), control.generators, float(control.best)) == (single, 3, min(fids))
    assert (control.mean, control.deviation) == pytest.approx((statistics.fmean(fids), statistics.stdev(fids)))
    assert (control.t, control.p) == pytest.approx((t, p), abs=0.005)
    drawn = np.random.default_rng(0).normal(single, statistics.stdev(fids), (200_000, 3)).min(axis=1)
    assert control.expected == pytest.approx(drawn.mean(), abs=0.1) == pytest.approx(expected, abs=0.1)
    assert control.chance == pytest.approx((drawn <= min(fids)).mean(), abs=0.004)
    assert control.chance == pytest.approx(chance, abs=0.003)


def test_results_are_json_and_text():
    for results in (FINDINGS, audit.run_checks(), audit.compare_top_two(), audit.control_by_chance()):
        plain = [dataclasses.asdict(result) for result in results]
        assert json.loads(json.dumps(plain, allow_nan=False)) is not None
    text = audit.audit_text()
    assert all(finding.where in text and finding.message in text for finding in FINDINGS)
    assert not re.search(r"\b(okd|aikd|gip)_table", text.partition("The best against")[0])  # as the papers call them
    assert "as low in 14 % of cases" in text and "t = 1.93, df = 3.3, p = 0.14" in text
    assert all(Decimal(finding.printed.split()[0]) for finding in FINDINGS if finding.rule == "changes")
