"""`advkd migrate`: finished work of an earlier version is kept, and what cannot be kept is listed."""

import pytest
import yaml
from gip_runs import finish

from advkd import cli
from advkd import files as advkd_files
from advkd.artifacts.seed_results import read_metrics
from advkd.files import read_json, with_digest, write_json
from advkd.runs import migration
from advkd.runs.damaged import Damaged
from advkd.runs.folder_names import CONFIG, HISTORY, METRICS, PROVENANCE, RECORDS, RESULT, SCHEMA
from advkd.runs.folder_writer import WritableFolder
from advkd.runs.lookup import code_today, folder_of, state_of
from advkd.runs.state import Kind
from advkd.settings import config

RUN = "gip/cifar10/resnet34/baseline/seed0"
GAN = "okd/codebrim/sagan/okd/seed0"
STUDENT = "gip/cifar10/resnet18/kd/seed0"


@pytest.fixture
def user(checkout):
    return config.user({"scale": "paper"})


def leave(name, user, recorded_hash=None, **settings):
    """Leave a finished run as version 0.1.0 did, with another hash or other settings where these are given."""
    resolved = config.resolve(name, user)
    finish(resolved)
    folder = WritableFolder(folder_of(resolved).path)
    recorded_hash = recorded_hash or resolved.hash
    document = resolved.document()
    folder.write_document({**document, "config_hash": recorded_hash, "settings": {**document["settings"], **settings}})
    result = {**folder.result(), "config_hash": recorded_hash}
    folder.write_provenance({**folder.provenance(), "result": result})
    folder.write_result(result)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.path.iterdir() if path.name != ".lock"}


def test_a_run_with_equal_settings_gets_today_s_hash_and_schema(user):
    folder = leave(RUN, user, "0" * 12)
    before, changed = contents(folder), folder.file(RESULT).stat().st_mtime_ns
    report = migration.migrate_runs(user)
    assert (report.migrated, report.current, report.left) == ([RUN], 0, {})
    resolved = config.resolve(RUN, user)
    assert folder.finished(resolved.hash)["schema"] == SCHEMA
    assert folder.document() == resolved.document()
    provenance = folder.provenance()
    assert provenance["result"] == folder.result() and provenance["schema"] == SCHEMA
    (step,) = provenance["migrations"]
    assert (step["from_hash"], step["to_hash"]) == ("0" * 12, resolved.hash)
    assert (step["from_schema"], step["to_schema"], step["version"]) == (1, SCHEMA, "0.2.0")
    assert folder.file(RESULT).stat().st_mtime_ns == changed, "so that Snakemake does not take it for new"
    after = contents(folder)
    assert {name for name in after if after[name] != before.get(name)} == {CONFIG, PROVENANCE, RESULT}


def as_version_0_1_0(folder, **settings):
    """Write a run's config.yaml without generation and with settings that version 0.1.0 had."""
    document = {key: value for key, value in folder.document().items() if key != "generation"}
    folder.write_document({**document, "settings": {**document["settings"], **settings}})


def test_a_run_without_parents_needs_no_seed_offset(user):
    folder = leave(RUN, user, "0" * 12)
    as_version_0_1_0(folder, seed_offset=0)
    assert migration.migrate_runs(user).migrated == [RUN]
    assert folder.document() == config.resolve(RUN, user).document()


@pytest.mark.parametrize(
    ("name", "offset", "reason"),
    [
        (RUN, 1000, "its random numbers are those of its seed plus 1000: train the run again"),
        (
            STUDENT,
            0,
            "its random numbers follow from its seed alone (plus 0), while today's are none that its teacher can draw:"
            " train the run again",
        ),
    ],
)
def test_a_run_with_other_random_numbers_is_left(user, name, offset, reason):
    folder = leave(name, user, "0" * 12)
    as_version_0_1_0(folder, seed_offset=offset)
    before = contents(folder)
    assert migration.migrate_runs(user).left == {name: reason} and contents(folder) == before


def test_a_run_of_another_generation_is_left(user):
    folder = leave(STUDENT, user, "0" * 12)
    folder.write_document({**folder.document(), "generation": 3})
    assert "its generation is 3, but 1 today" in migration.migrate_runs(user).left[STUDENT]


def test_a_second_migration_changes_nothing(user):
    folder = leave(RUN, user)
    migration.migrate_runs(user)
    before = contents(folder)
    report = migration.migrate_runs(user)
    assert (report.migrated, report.current, report.left) == ([], 1, {}) and contents(folder) == before


def bind(folder):
    """Give a run's folder what this version writes: checksums of its records, and metrics that name its products."""
    folder.write_history([{"epoch": 1.0, "loss": 0.5}])
    result = {**folder.result(), "schema": SCHEMA, "records": folder.checksums(RECORDS)}
    folder.write_provenance({**folder.provenance(), "schema": SCHEMA, "result": result})
    folder.write_result(result)
    folder.write_metrics({"values": {"accuracy": 90.0}, "sha256": result["sha256"]})


@pytest.mark.parametrize("bound", [False, True], ids=["schema 1", "schema 2"])
@pytest.mark.parametrize("writes", [0, 1, 2, 3])
def test_a_migration_that_was_killed_is_continued(user, writes, bound, monkeypatch):
    folder = leave(RUN, user, "0" * 12)
    if bound:
        bind(folder)
    else:
        folder.file(METRICS).write_text('{"values": {"accuracy": 90.0}}')
    times = {name: folder.file(name).stat().st_mtime_ns for name in (METRICS, RESULT)}
    original, made = advkd_files.atomic, []

    def killed(path):
        if len(made) == writes:
            raise KeyboardInterrupt
        made.append(path)
        return original(path)

    with monkeypatch.context() as patch:
        patch.setattr(advkd_files, "atomic", killed)
        with pytest.raises(KeyboardInterrupt):
            migration.migrate_runs(user)
    assert read_json(folder.file(RESULT))["config_hash"] == "0" * 12, "written last"
    assert migration.migrate_runs(user).migrated == [RUN]
    assert folder.finished(config.resolve(RUN, user).hash)
    assert len(folder.provenance()["migrations"]) == 1
    assert folder.document() == config.resolve(RUN, user).document()
    assert folder.metrics()["values"] == {"accuracy": 90.0}
    assert {name: folder.file(name).stat().st_mtime_ns for name in times} == times
    assert migration.migrate_runs(user).current == 1


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (CONFIG, "threads: ", "threads: 9"),
        (HISTORY, "0.5", "0.4"),
        (METRICS, "90.0", "91.0"),
        (RESULT, "done", "gone"),
    ],
)
def test_a_changed_file_stays_told_after_a_migration_that_was_killed(user, name, old, new, monkeypatch):
    folder = leave(RUN, user, "0" * 12)
    bind(folder)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(WritableFolder, "write_document", killed)
        with pytest.raises(KeyboardInterrupt):
            migration.migrate_runs(user)
    text = folder.file(name).read_text()
    assert old in text
    folder.file(name).write_text(text.replace(old, new))
    report = migration.migrate_runs(user)
    if name == HISTORY:
        with pytest.raises(Damaged, match="is not what the run wrote"):
            folder.history()
    else:
        assert name in report.left[RUN]


def of_a_later_version(folder):
    result = {**folder.result(), "schema": 99}
    folder.write_provenance({**folder.provenance(), "schema": 99, "result": result})
    folder.write_result(result)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda folder: folder.write_document({**folder.document(), "settings": {"lr": 7}}), "its settings are others"),
        (lambda folder: folder.write_document({**folder.document(), "config_hash": "1" * 12}), "of another training"),
        (lambda folder: folder.file(RESULT).unlink(), "it is unfinished: advkd train"),
        (lambda folder: folder.file(RESULT).write_text("{"), "cannot be read"),
        (lambda folder: folder.file(CONFIG).unlink(), "is missing"),
        (of_a_later_version, "a later version wrote"),
        (
            lambda folder: folder.write_provenance(
                {**folder.provenance(), "data": {**folder.provenance()["data"], "store": "cifar10-0"}}
            ),
            "its data set cifar10-0 is called",
        ),
    ],
)
def test_what_cannot_be_carried_over_is_listed_and_left_as_it_is(user, spoil, reason):
    folder = leave(RUN, user, "0" * 12)
    spoil(folder)
    before = contents(folder)
    other = leave(STUDENT, user)
    report = migration.migrate_runs(user)
    assert report.migrated == [STUDENT] and other.result()["schema"] == SCHEMA
    assert reason in report.left[RUN] and contents(folder) == before
    assert next(report.lines("runs")) == "runs: 1 carried over, 0 up to date, 1 cannot be carried over"


def test_a_run_that_is_no_longer_one_is_listed(user):
    folder = leave(RUN, user)
    renamed = folder.path.parents[1] / "unknown" / "seed0"
    renamed.parent.mkdir()
    folder.path.rename(renamed)
    assert "is not among the methods" in migration.migrate_runs(user).left["gip/cifar10/resnet34/unknown/seed0"]


def test_a_run_in_training_is_left(user):
    folder = leave(RUN, user)
    with folder.locked():
        assert migration.migrate_runs(user).left == {RUN: "it is being trained: migrate it when it is done"}


def test_stores_get_today_s_schema(tmp_path):
    path = tmp_path / "stores" / "cifar10-01234567" / "meta.json"
    write_json(path, {"name": "cifar10"})
    assert migration.migrate_stores(tmp_path).migrated == ["cifar10-01234567"]
    assert read_json(path) == with_digest({"name": "cifar10", "schema": migration.STORE_SCHEMA})
    assert migration.migrate_stores(tmp_path).current == 1
    write_json(path, {"name": "cifar100", "schema": migration.STORE_SCHEMA})
    assert "has no digest" in migration.migrate_stores(tmp_path).left["cifar10-01234567"]
    path.write_text("{")
    assert "cifar10-01234567" in migration.migrate_stores(tmp_path).left


def test_the_command_reports_every_scale(user, capsys):
    leave(RUN, user)
    assert cli.main(["migrate", "--all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "data sets: 0 carried over, 0 up to date, 0 cannot be carried over"
    assert "runs at scale paper: 1 carried over, 0 up to date, 0 cannot be carried over" in lines
    assert "runs at scale smoke: 0 carried over, 0 up to date, 0 cannot be carried over" in lines


def test_config_yaml_stays_plain(user):
    folder = leave(RUN, user)
    migration.migrate_runs(user)
    assert yaml.safe_load(folder.file(CONFIG).read_text())["run"] == RUN


def leave_gan(user, features, **changes):
    """Leave a finished GAN's run whose features were called by kind of weights and number, as they were before."""
    resolved = config.resolve(GAN, user)
    folder = WritableFolder(folder_of(resolved).path)
    document = resolved.document()
    kind, dims = features
    settings = {key: value for key, value in document["settings"].items() if key != "features"}
    settings |= {"inception": kind, "features": dims, **changes}
    folder.write_document({**document, "config_hash": "0" * 12, "settings": settings})
    folder.write_history([{"step": 1.0, "loss": 0.5}])
    records = folder.checksums(RECORDS)
    result = {"status": "done", "config_hash": "0" * 12, "schema": SCHEMA, "records": records}
    result["sha256"] = {"samples.npz": "0"}
    data = {"store": resolved.store, "sha256": {}}
    folder.write_provenance({"schema": SCHEMA, "code": code_today(resolved), "data": data, "result": result})
    folder.write_result(result)
    meta = {"weights": kind, "seed": 0, "dims": dims, "implementation": "x", "n_real": 9}
    metrics = {"status": "done", "values": {"fid.mean": 9.0}, "meta": meta, "evaluated": {"code": "0"}}
    folder.write_metrics({**metrics, "sha256": result["sha256"]})
    folder.file("samples.npz").touch()  # without it the run would be one that was kept
    return folder


@pytest.mark.parametrize(
    ("features", "name"),
    [
        (("official", 2048), "inception"),
        (("random", 2048), "random_inception"),
        (("random", 64), "random_inception64"),
        (("official", 192), "inception192"),
    ],
)
def test_a_gan_is_carried_over_whatever_it_was_evaluated_on(user, features, name):
    folder = leave_gan(user, features)
    assert migration.migrate_runs(user).migrated == [GAN]
    resolved = config.resolve(GAN, user)
    assert folder.finished(resolved.hash) and folder.document() == resolved.document()
    metrics = folder.metrics()
    assert metrics["values"] == {"fid.mean": 9.0}
    assert metrics["meta"] == {"features": name, "seed": 0, "dims": features[1], "n_real": 9}
    # The paper's features are Inception's: only an evaluation on these is shown.
    other = state_of(resolved).kind is Kind.OTHER_FEATURES
    assert other == (name != "inception") == (read_metrics(resolved) is None)
    assert migration.migrate_runs(user).current == 1


def test_a_gan_of_other_settings_is_left(user):
    leave_gan(user, ("official", 2048), batch=3)
    assert "others than today's (batch)" in migration.migrate_runs(user).left[GAN]
