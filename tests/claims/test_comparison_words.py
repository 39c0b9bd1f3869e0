import pytest

from advkd.claims.comparison_words import claimed_in_words, compared_in_words, weighted_sum
from advkd.claims.predicates.base import Comparison, Quantity

RESNET = "aikd/cifar100/preact_resnet18"


def compared(*quantities, weights=(1, -1), relative=False):
    return compared_in_words(Comparison(tuple(Quantity(*pair) for pair in quantities), weights, "> 0", relative))


def test_a_comparison_has_the_names_of_the_first_table_that_prints_it():
    cskd, aikd = (f"{RESNET}/cskd", "top1_error"), (f"{RESNET}/aikd", "top1_error")
    assert compared(cskd, aikd) == "CS-KD − AI-KD (Table 2: Top-1 Error / ResNet 18 / CIFAR-100)"
    without_critic = (f"{RESNET}/aikd+omega=0", "top1_error")
    assert compared(without_critic, aikd) == "No Adv − AI-KD (Table 4: ResNet-18 / Top-1 Err (%))"
    single, mean = ("okd/codebrim/sagan/single", "fid.G1"), ("okd/codebrim/sagan/okd", "fid.mean")
    assert compared(mean, single, relative=True) == "OKD-SAGAN / Average below SAGAN / FID (Table 1)"


def test_a_row_whose_name_is_a_sum_stands_in_quotes():
    cutout, aikd = (f"{RESNET}/aikd+augment=cutout", "top5_error"), (f"{RESNET}/aikd", "top5_error")
    assert compared(aikd, cutout) == "AI-KD − “+ Cutout” (Table 7: Top-5 Err (%))"


def test_one_number_keeps_its_whole_name():
    assert (
        compared((f"{RESNET}/aikd", "top1_error"), weights=(1,))
        == "Top-1 Error / ResNet 18 / AI-KD / CIFAR-100 (Table 2)"
    )


def test_what_no_table_prints_has_the_names_of_its_runs():
    ours, theirs = ("gip/mine/resnet18/gip", "accuracy"), ("gip/mine/resnet18/kd", "accuracy")
    assert compared(ours, theirs) == "gip − kd (gip/mine/resnet18 / accuracy)"


@pytest.mark.parametrize(
    ("claimed", "words"),
    [
        ("> 0", "above 0"),
        ("> 0 for at least one", "above 0 for at least one"),
        ("< 0 for 2 of them", "below 0 for 2 of them"),
        ("≥ 0", "at least 0"),
        ("= 15.4 %", "15.4 %"),
        ("within ±0.235", "within ±0.235"),
    ],
)
def test_a_claim_in_words(claimed, words):
    assert claimed_in_words(claimed) == words


def test_added_terms_stand_first():
    assert weighted_sum((1, -1, -1, 1), ["a", "b", "c", "d"]) == "a + d − b − c"
