import re

import pytest
import yaml

from advkd.claims.claim_file import CLAIMS as FILE
from advkd.claims.claim_file import load_claims
from advkd.claims.judgements import judge_all
from advkd.claims.markdown import claims_page
from advkd.errors import UserError
from advkd.settings import catalog, config

CLAIMS = {claim.id: claim for claim in load_claims()}
C100 = "aikd/cifar100/preact_resnet18"


def test_the_command_of_every_claim_trains_its_runs():
    user = config.user({"scale": "paper"})
    for claim in CLAIMS.values():
        words = claim.command(user).split()
        if not claim.quantities:
            assert words == []
            continue
        targets = words[words.index("all") + 1 : words.index("--config")]
        trained = set()
        for target in targets:
            if target.endswith("_variants"):
                trained |= catalog.variants(user, [target.removesuffix("_variants")]).keys()
            else:
                trained |= catalog.runs(target, user).keys()
        assert {f"{quantity.run}/seed0" for quantity in claim.quantities} <= trained, claim.id


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"check": [{"kind": "lower", "metric": "top1_error", "group": f"{C100}/aikd+omega=7",
                     "than": [f"{C100}/pskd"]}]}, "omega=7 top1_error is an unknown cell"),
        ({"check": [{"kind": "value", "metric": "fid.G1", "group": f"{C100}/aikd", "equals": "1.0"}]},
         "aikd fid.G1 is an unknown cell"),
        ({"check": [{"kind": "value", "metric": "accuracy", "group": "xyz/cifar10/resnet18/kd", "equals": "1.0"}]},
         "kd accuracy is an unknown cell"),
        ({"check": [{"kind": "value", "metric": "top1_error", "group": f"{C100}/aikd+tau_g={{1..3..1}}",
                     "equals": "1.0"}]}, "stands for 3 run groups: name one"),
        ({"check": [{"kind": "rising", "metric": "top1_error",
                     "groups": [f"{C100}/aikd", f"{C100}/aikd+omega={{1..2..0}}"]}]}, "DivisionByZero"),
        ({"check": [{"kind": "exec", "group": "a"}]}, "does not match any of the expected tags"),
        ({"check": [{"kind": "value", "group": "__import__('os')", "equals": "1"}]}, "pattern"),
        ({"check": [{"kind": "difference", "higher": "a", "lower": "b", "by": "1e3"}]}, "pattern"),
        ({"check": []}, "at least 1 item"),
        ({"tables": ["aikd_table9"]}, "'aikd_table9' is not a table"),
        ({"weight": 3}, "weight: Extra inputs"),
        ({"place": None}, "place: Input should be"),
    ],
)  # fmt: skip
def test_a_wrong_entry_is_one_line_and_the_others_are_judged(checkout, change, message):
    entries = yaml.safe_load(FILE.read_text())
    entry = {"id": "mine", "place": "here", "claim": "…",
             "check": [{"kind": "lower", "metric": "top1_error", "under": [C100], "group": "aikd",
                        "than": ["pskd"]}]}  # fmt: skip
    FILE.write_text(yaml.safe_dump({"aikd": [{**entry, "id": "theirs", **change}, entry], "okd": entries["okd"]}))
    user = config.user({"scale": "paper"})
    wrong, right, *others = judge_all(user)
    assert len(others) == len(entries["okd"]) and right["id"] == "mine" and right["published"]["word"] == "holds"
    for verdict in (wrong["published"], wrong["ours"]):
        assert verdict["word"] == "not readable" and "\n" not in verdict["why"]
        assert re.search(f"claims.yaml, claim theirs: .*{message}", verdict["why"])
    assert wrong["id"] == "theirs" and wrong["claim"] == "…" and wrong["command"] == ""
    assert wrong["ours"]["why"] in claims_page(user)


def test_entries_that_are_not_claims(tmp_path):
    path = tmp_path / "claims.yaml"
    entries = yaml.safe_load(FILE.read_text())
    path.write_text(yaml.safe_dump({"okd": [*entries["okd"][:1] * 2, "word", {}, {"id": "A b"}, {"id": "okd-mine"}]}))
    first, *others = load_claims(path)
    assert first.problem == ""
    assert [claim.id for claim in others] == ["okd-2", "okd-3", "okd-4", "okd-5", "okd-mine"]
    messages = [
        "another claim has the id 'okd-sagan-some'",
        "expected keys and values",
        "id: Field required",
        "id: String",
        "place: Field required",
    ]
    assert all(message in claim.problem for message, claim in zip(messages, others, strict=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [("okd: [", "cannot be read"), ("[]", "expected a list of claims"), ("okd: 3", "expected a list of claims"),
     ("xyz: []", "'xyz' is not a paper")],
)  # fmt: skip
def test_a_damaged_file_is_one_line(tmp_path, text, message):
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as error:
        load_claims(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    with pytest.raises(UserError, match="cannot be read"):
        load_claims(tmp_path / "none.yaml")
