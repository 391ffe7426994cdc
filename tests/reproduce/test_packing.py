"""Runs that were made in several places add up to one suite."""

import tarfile

import pytest

from common.errors import UserError
from common.locking import lock_with_children, try_lock
from tasks.reproduce.analysis import Analysis
from tasks.reproduce.cells import confirming, expand
from tasks.reproduce.packing import pack
from tasks.reproduce.results import Results, choose_best
from tasks.reproduce.store import Record, Store
from tasks.reproduce.suite_file import read_suite
from tasks.reproduce.summary import summarize_suite
from tests.conftest import ROOT
from tests.reproduce.made_runs import QUICKSTART, SUITE, finish, write_suite
from tests.reproduce.packs import finish_all, names, repacked, unpack

pytestmark = pytest.mark.usefixtures("few_replicates")
PACKED = sorted((ROOT / "configs/reproduce/reference").glob("*.tar.xz"))
SEARCH = f"""
title: Made by a test
seconds_per_run: 10
sweeps:
  rate:
    config: {QUICKSTART}/sentiment-baseline.yaml
    fields: {{optim.learning_rate: [0.001, 0.01]}}
baselines: []
regimes:
  small: {{steps: 100, seconds_per_step: 0.5, overrides: {{data.train_size: 160}}}}
groups:
  - {{arms: [rate], regime: small, seeds: 2}}
confirmation: {{sweeps: [rate], regime: small, seeds: [7, 8]}}
"""


def summarized(plan, store):
    results = Results(*plan, store)
    return summarize_suite(results, Analysis(results, store.folder), "made")


def test_two_halves_from_two_places_give_the_verdicts_of_the_whole(plan, tmp_path):
    cells = plan[1]
    whole, first, second = (Store(tmp_path / name) for name in ("whole", "first", "second"))
    finish_all(whole, cells[:-1])
    finish_all(first, cells[:7])
    finish_all(second, cells[7:-1])
    for store in (whole, second):
        store.write(cells[-1], Record(False, 5.0, ["error: loss is nan"] * 2, cells[-1].config_hash()))
    assert pack(cells, second, tmp_path / "second.tar.xz") == 8
    assert unpack(cells, first, tmp_path / "second.tar.xz").unpacked == names(cells[7:])
    assert summarized(plan, first) == summarized(plan, whole)


def test_no_text_of_a_review_is_packed_and_the_same_runs_give_the_same_bytes(plan, packed, tmp_path):
    file, store = packed(3), Store(tmp_path / "other")
    with tarfile.open(file) as archive:
        contents = {member.name: archive.extractfile(member).read() for member in archive}
    predictions = Store(tmp_path / "packed").run(plan[1][0]).predictions("test")
    assert b" review 7" in predictions.read_bytes()
    assert len(contents) == 3 * (1 + 5 + 2)
    assert not any(b" review " in content for content in contents.values())
    unpack(plan[1], store, file)
    pack(plan[1], store, tmp_path / "b.tar.xz")
    assert file.read_bytes() == (tmp_path / "b.tar.xz").read_bytes()


def test_what_the_folder_has_stays(plan, packed, tmp_path):
    done, resumable, working, orphaned, training, begun, new = cells = plan[1][:7]
    file, store = packed(7), Store(tmp_path / "store")
    finish(store, done, wrong=0.5)
    before = store.run(done).metrics()
    for cell in (resumable, begun):
        store.run(cell).start(cell.resolved())
    store.run(resumable).last.parent.mkdir()
    store.run(resumable).last.write_bytes(b"half a run")
    with (
        try_lock(store.lock(working.name)),
        lock_with_children(store.script_lock(orphaned.name)),
        store.run(training).locked(),
    ):
        found = unpack(cells, store, file)
    assert found.kept == names([done, resumable, working, orphaned, training])
    assert found.unpacked == names([begun, new])
    assert store.run(done).metrics() == before and store.run(resumable).last.exists()
    assert store.status(begun) == store.status(new) == "finished"


@pytest.mark.parametrize("here, expected", [("finished", "kept"), ("broken", "unpacked")])
def test_a_finished_run_stays_or_comes_whichever_side_has_it(plan, packed, tmp_path, here, expected):
    cell, file, store = plan[1][0], packed(1), Store(tmp_path / "store")
    if here == "finished":
        finish(store, cell, wrong=0.5)
    else:
        store.write(cell, Record(False, 5.0, ["error: loss is nan"] * 2, cell.config_hash()))
    assert getattr(unpack([cell], store, file), expected) == [cell.name]
    assert store.status(cell) == "finished"


def test_a_broken_run_is_tried_again_from_its_beginning(plan, tmp_path):
    cell, broken, store = plan[1][0], Store(tmp_path / "broken"), Store(tmp_path / "store")
    finish(broken, cell, wrong=0.3)
    broken.write(cell, Record(False, 5.0, ["training loss is nan"] * 2, cell.config_hash()))
    pack([cell], broken, tmp_path / "a.tar.xz")
    assert unpack([cell], store, tmp_path / "a.tar.xz").unpacked == [cell.name]
    assert store.status(cell) == "broken" and store.record(cell).failures == ["training loss is nan"] * 2
    # With a history and without the state that it is of, train.py would be refused.
    store.run(cell).check(cell.resolved(), resume=True)


def test_what_was_killed_between_record_and_run_is_trained(plan, packed, tmp_path, monkeypatch):
    cell, file, store = plan[1][0], packed(1), Store(tmp_path / "store")
    monkeypatch.setattr("tasks.reproduce.packing._copy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        unpack([cell], store, file)
    assert store.status(cell) == "waiting"
    monkeypatch.undo()
    assert unpack([cell], store, file).unpacked == [cell.name]


def test_runs_of_another_configuration_or_with_fewer_splits_are_left_out_and_told(plan, packed, tmp_path):
    file, store = packed(15), Store(tmp_path / "store")
    text = SUITE.replace("model.dropout: 0.1", "model.dropout: 0.2")
    found = unpack(expand(read_suite(write_suite(tmp_path, text)), tmp_path), store, file)
    assert len(found.unpacked) == 10 and all(name.startswith("other-") for name in found.refused)
    assert "10 runs unpacked, 0 kept as they were, 5 left out, of another configuration" in found.told()
    text = SUITE.replace("[validation, test]", "[validation, test, train]")
    found = unpack(expand(read_suite(write_suite(tmp_path, text)), tmp_path), Store(tmp_path / "new"), file)
    assert len(found.refused) == 15


def test_runs_that_the_suite_has_not_are_told_and_a_file_of_them_alone_is_refused(plan, packed, tmp_path):
    file = packed(2)
    found = unpack(plan[1][:1], Store(tmp_path / "store"), file)
    assert f"1 left out that are no runs of it now, the first {plan[1][1].name}" in found.told()
    with pytest.raises(UserError, match="a.tar.xz: found no run of this suite"):
        unpack(plan[1][2:], Store(tmp_path / "other"), file).told()


def test_of_a_strangers_file_only_what_a_run_needs_comes_in(plan, packed, tmp_path):
    cell, store = plan[1][0], Store(tmp_path / "store")
    extra = ("report.html", "checkpoints/last.safetensors", "assets/vocab.txt", "predictions/train.csv")
    folders = (cell.name, f"{cell.name}.part")
    added = {f"runs/{folder}/{name}": b"x" for folder in folders for name in extra}
    added |= {f"state/{name}": b"x" for name in ("other.log", "...json", "..json")}
    unpack([cell], store, repacked(packed(1), lambda contents: {**contents, **added}))
    found = {file.relative_to(store.folder).as_posix() for file in store.folder.rglob("*") if file.is_file()}
    assert store.status(cell) == "finished"
    assert not any(name.endswith((*extra, "log")) for name in found)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("state/{}.json", '{"failures": null}', "state/{}.json: failures: found None"),
        ("state/{}.json", '{"seconds": "abc"}', "state/{}.json: seconds: found 'abc'"),
        ("state/{}.json", '{"other": 1}', "state/{}.json: found other keys"),
        ("state/{}.json", "{", "state/{}.json: is not JSON"),
        ("runs/{}/config.yaml", "a: 1", "runs/{}/config.yaml: found another configuration"),
        ("runs/{}/metrics.json", "{", "runs/{}/metrics.json: is not JSON"),
        ("runs/{}/metrics.json", "null", "runs/{}/metrics.json: found NoneType, expected an object"),
    ],
)
def test_a_damaged_member_is_one_line_with_its_name(plan, packed, tmp_path, name, content, message):
    cell, file, store = plan[1][0], packed(1), Store(tmp_path / "store")
    repacked(file, lambda contents: {**contents, name.format(cell.name): content.encode()})
    with pytest.raises(UserError) as raised:
        unpack([cell], store, file)
    assert str(raised.value).startswith(f"{file}: {message.format(cell.name)}")
    assert store.status(cell) == "waiting"


def test_a_search_comes_with_its_confirmation_and_with_one_of_its_seeds_alone(tmp_path, command):
    suite = tmp_path / "search.yaml"
    suite.write_text(SEARCH, encoding="utf-8")
    plan, whole, new = read_suite(suite), Store(tmp_path / "whole"), tmp_path / "new"
    trials = expand(plan, tmp_path)
    finish_all(whole, trials, {"rate_0.001": 0.2, "rate_0.01": 0.3})
    fresh = confirming(plan, tmp_path, choose_best(Results(plan, trials, whole)))
    finish_all(whole, fresh, {"rate_best": 0.2})
    line = ["reproduce.py", "--suite", suite, "--output"]
    assert command(*line, whole.folder, "--pack", tmp_path / "a.tar.xz").returncode == 0
    one = command(*line, tmp_path / "one", "--unpack", tmp_path / "a.tar.xz", "--seeds", 1, "--list")
    assert "3 runs unpacked, 0 kept as they were, 3 left out that are no runs of it now" in one.stderr
    done = command(*line, new, "--unpack", tmp_path / "a.tar.xz", "--cell", fresh[0].name)
    assert done.returncode == 0 and "6 runs unpacked, 0 kept as they were\n" in done.stderr
    assert {Store(new).status(cell) for cell in (*trials, *fresh)} == {"finished"}


def test_a_damaged_record_of_no_run_of_the_suite_hinders_none(plan, packed, tmp_path):
    file = repacked(packed(2), lambda contents: {**contents, "state/strange.json": b"{"})
    found = unpack(plan[1], Store(tmp_path / "store"), file)
    assert (
        len(found.unpacked) == 2
        and "1 left out that are no runs of it now, the first strange" in found.told()
    )


def test_a_wrong_override_is_not_laid_on_the_file(plan, packed, tmp_path):
    text = SUITE.replace("model.dropout: 0.1", "model.dropuot: 0.1")
    cells = expand(read_suite(write_suite(tmp_path, text)), tmp_path)
    with pytest.raises(UserError, match="^cell other-small-seed0: .*dropuot"):
        unpack(cells, Store(tmp_path / "store"), packed(1))


@pytest.mark.parametrize("file", PACKED, ids=lambda file: file.name)
def test_the_packed_runs_of_the_repository_are_runs_of_its_suites_as_they_are_now(tmp_path, file):
    place, store = ROOT / f"configs/reproduce/{file.name.partition('.')[0]}.yaml", Store(tmp_path)
    suite = read_suite(place)
    cells = expand(suite, place.parent)
    found = unpack(cells, store, file)
    taken = set(found.unpacked)
    if suite.confirmation:
        best = choose_best(Results(suite, cells, store))
        taken |= set(unpack(confirming(suite, place.parent, best), store, file).unpacked)
    assert found.content.configs.keys() == taken
    predictions = [path.read_text(encoding="utf-8") for path in tmp_path.rglob("predictions/*.csv")]
    assert predictions and not any("text" in text.partition("\n")[0].split(",") for text in predictions)


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--pack", "a.zip"], "--pack: found a.zip, expected a name that ends with .tar.xz"),
        (["--pack", "a.tar.xz"], "found no finished run, expected one to pack"),
        (["--pack", "a.tar.xz", "--list"], "--pack: found beside --list, expected one of them"),
        (
            ["--unpack", "a.tar.xz"],
            "a.tar.xz: cannot be read: No such file",
        ),
        (["--unpack", "damaged.tar.xz"], "damaged.tar.xz: is damaged or no .xz archive"),
        (["--unpack", "damaged.tar.xz", "--check"], "--unpack: found beside --check"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_runs(plan, tmp_path, command, flags, message):
    (tmp_path / "damaged.tar.xz").write_bytes(b"<html>sign in</html>")
    flags = [str(tmp_path / flag) if ".tar." in flag else flag for flag in flags]
    # A check needs a suite that has references.
    suite = "configs/reproduce/smoke.yaml" if "--check" in flags else tmp_path / "made.yaml"
    done = command("reproduce.py", "--suite", suite, "--output", tmp_path / "out", *flags)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert message in done.stderr
    left = {path.name for path in tmp_path.rglob("*")}
    assert not left & {"runs", "a.tar.xz", "unpacking"}


@pytest.mark.parametrize(
    "name, change, found",
    [
        ("predictions/test.csv", lambda text: text.replace("\n1,", "\nyes,", 1), "row 2: label: found 'yes'"),
        ("predictions/test.csv", lambda text: text.replace("predicted", "said", 1), "no column 'predicted'"),
        ("predictions/test.csv", lambda text: text.replace("text_sha256", "x", 1), "found no column 'text'"),
        ("predictions/test.csv", lambda text: '"' + text, "is damaged"),
        ("predictions/test.csv", lambda text: "", "is damaged: No columns to parse"),
        ("history.csv", lambda text: "", "is damaged: No columns to parse"),
        ("metrics.json", lambda text: text[:-9], "is not JSON"),
    ],
)
def test_a_run_that_is_damaged_is_one_line_in_the_report(plan, packed, tmp_path, name, change, found):
    cells, store = plan[1][:4], Store(tmp_path / "store")
    unpack(cells, store, packed(4))
    file = store.run(cells[1]).path / name
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(UserError) as raised:
        summarized(plan, store)
    assert str(file) in str(raised.value) and found in str(raised.value) and "\n" not in str(raised.value)
