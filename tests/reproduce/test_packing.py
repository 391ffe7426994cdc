"""Runs that were made in several places add up to one suite."""

import tarfile

import pytest

from common.errors import UserError
from common.locking import try_lock
from tasks.reproduce.analysis import Analysis
from tasks.reproduce.cells import expand
from tasks.reproduce.packing import pack, told, unpack_cells
from tasks.reproduce.report import write_reports
from tasks.reproduce.results import Results
from tasks.reproduce.store import Record, Store
from tasks.reproduce.suite_file import read_suite
from tests.reproduce.made_runs import SUITE, finish, write_suite

WRONG = {"baseline": 0.30, "regularized": 0.10, "other": 0.29}


@pytest.fixture
def plan(tmp_path):
    """The suite, and its cells."""
    suite = read_suite(write_suite(tmp_path))
    return suite, expand(suite, tmp_path)


def finish_all(store, cells):
    for cell in cells:
        finish(store, cell, WRONG[cell.arm])


def summarized(plan, store):
    results = Results(*plan, store)
    return write_reports(results, Analysis(results, store.folder), "made", [])


def test_two_halves_from_two_places_give_the_verdicts_of_the_whole(plan, tmp_path):
    cells = plan[1]
    whole, first, second = (Store(tmp_path / name) for name in ("whole", "first", "second"))
    finish_all(whole, cells[:-1])
    finish_all(first, cells[:7])
    finish_all(second, cells[7:-1])
    for store in (whole, second):
        store.write(cells[-1], Record(False, 5.0, ["error: loss is nan"] * 2, cells[-1].config_hash()))
    assert pack(cells, second, tmp_path / "second.tar.xz") == 8
    found = unpack_cells(cells, first, tmp_path / "second.tar.xz")
    assert found == {"unpacked": [cell.name for cell in cells[7:]], "kept": [], "refused": []}
    assert summarized(plan, first) == summarized(plan, whole)


def test_no_text_of_a_review_is_packed_and_the_same_runs_give_the_same_bytes(plan, tmp_path):
    cells = plan[1][:3]
    store, other = Store(tmp_path / "made"), Store(tmp_path / "other")
    finish_all(store, cells)
    pack(cells, store, tmp_path / "a.tar.xz")
    assert b" review 7" in store.run(cells[0]).predictions("test").read_bytes()
    with tarfile.open(tmp_path / "a.tar.xz") as archive:
        contents = {member.name: archive.extractfile(member).read() for member in archive}
    assert len(contents) == 3 * (1 + 5 + 2)
    assert not any(b" review " in content for content in contents.values())
    unpack_cells(cells, other, tmp_path / "a.tar.xz")
    pack(cells, other, tmp_path / "b.tar.xz")
    assert (tmp_path / "a.tar.xz").read_bytes() == (tmp_path / "b.tar.xz").read_bytes()


def test_what_the_folder_has_stays(plan, tmp_path):
    done, resumable, training, begun, new = cells = plan[1][:5]
    packed, store = Store(tmp_path / "packed"), Store(tmp_path / "store")
    finish_all(packed, cells)
    pack(cells, packed, tmp_path / "a.tar.xz")
    finish(store, done, wrong=0.5)
    before = store.run(done).metrics()
    for cell in (resumable, begun):
        store.run(cell).start(cell.resolved())
    store.run(resumable).last.parent.mkdir()
    store.run(resumable).last.write_bytes(b"half a run")
    with try_lock(store.lock(training.name)) as free:
        assert free
        found = unpack_cells(cells, store, tmp_path / "a.tar.xz")
    assert found["kept"] == [done.name, resumable.name, training.name]
    assert found["unpacked"] == [begun.name, new.name]
    assert store.run(done).metrics() == before and store.run(resumable).last.exists()
    assert store.status(begun) == store.status(new) == "finished"


def test_runs_of_another_configuration_are_left_out_and_told(plan, tmp_path):
    cells = plan[1]
    packed, store = Store(tmp_path / "packed"), Store(tmp_path / "store")
    finish_all(packed, cells)
    pack(cells, packed, tmp_path / "a.tar.xz")
    changed = write_suite(tmp_path, SUITE.replace("model.dropout: 0.1", "model.dropout: 0.2"))
    found = unpack_cells(expand(read_suite(changed), tmp_path), store, tmp_path / "a.tar.xz")
    assert len(found["unpacked"]) == 10 and all(name.startswith("other-") for name in found["refused"])
    said = told(found, tmp_path / "a.tar.xz")
    assert "10 runs unpacked, 0 kept as they were, 5 left out, of another configuration than now" in said


def test_a_file_without_a_run_of_the_suite_is_refused(plan, tmp_path):
    cells = plan[1]
    packed = Store(tmp_path / "packed")
    finish_all(packed, cells[:1])
    pack(cells, packed, tmp_path / "a.tar.xz")
    found = unpack_cells(cells[1:], Store(tmp_path / "store"), tmp_path / "a.tar.xz")
    with pytest.raises(UserError, match="a.tar.xz: found no run of this suite"):
        told(found, tmp_path / "a.tar.xz")


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--pack", "a.zip"], "--pack: found a.zip, expected a name that ends with .tar.xz"),
        (["--pack", "a.tar.xz"], "found no finished run, expected one to pack"),
        (["--pack", "a.tar.xz", "--list"], "--pack: found beside --list, expected one of them"),
        (["--unpack", "a.tar.xz"], "a.tar.xz: no such file, expected what --pack writes"),
        (["--unpack", "damaged.tar.xz"], "damaged.tar.xz: is damaged or no .xz archive"),
        (["--unpack", "damaged.tar.xz", "--check"], "--unpack: found beside --check"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(plan, tmp_path, command, flags, message):
    (tmp_path / "damaged.tar.xz").write_bytes(b"<html>sign in</html>")
    flags = [str(tmp_path / flag) if ".tar." in flag else flag for flag in flags]
    # A check needs a suite that has references.
    suite = "configs/reproduce/smoke.yaml" if "--check" in flags else tmp_path / "made.yaml"
    done = command("reproduce.py", "--suite", suite, "--output", tmp_path / "out", *flags)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert message in done.stderr
    assert not (tmp_path / "a.tar.xz").exists() and not list(tmp_path.rglob("unpacking-*"))
