"""A packed run is known by its configuration: it serves every suite that has the same run."""

import pytest

from common.errors import UserError
from tasks.reproduce.cells import expand
from tasks.reproduce.packing import pack
from tasks.reproduce.store import Record, Store
from tasks.reproduce.suite_file import read_suite
from tests.conftest import ROOT
from tests.reproduce.made_runs import QUICKSTART, SUITE, finish, write_suite
from tests.reproduce.packs import names, repacked, unpack


def test_a_run_is_the_same_under_another_name_and_serves_every_cell_that_it_is(plan, packed, tmp_path):
    """``other`` is called ``renamed`` here, and ``baseline`` is there twice."""
    file, store = packed(15), Store(tmp_path / "store")
    text = (
        SUITE.replace("  other: ", "  renamed: ")
        .replace("other]", "renamed, again]")
        .replace("baselines:", f"  again: {{config: {QUICKSTART}/sentiment-baseline.yaml}}\nbaselines:")
    )
    cells = expand(read_suite(write_suite(tmp_path, text)), tmp_path)
    found = unpack(cells, store, file)
    assert sorted(found.unpacked) == sorted(names(cells)) and len(cells) == 20
    assert found.told().endswith("20 runs unpacked, 0 kept as they were")
    first = {cell.arm: store.run(cell) for cell in cells if cell.seed == 0}
    source = {cell.arm: Store(tmp_path / "packed").run(cell) for cell in plan[1] if cell.seed == 0}
    for arm, original in (("renamed", "other"), ("again", "baseline"), ("regularized", "regularized")):
        assert first[arm].metrics() == source[original].metrics()
        assert first[arm].history.read_bytes() == source[original].history.read_bytes()


def test_of_the_same_run_under_two_names_the_finished_one_is_taken(tmp_path):
    store = Store(tmp_path / "store")
    text = SUITE.replace("model.dropout: 0.1", "model.dropout: 0.0")
    same = expand(read_suite(write_suite(tmp_path, text)), tmp_path)
    both = Store(tmp_path / "both")
    finish(both, same[0], 0.3)
    both.write(same[2], Record(False, 5.0, ["loss is nan"] * 2, same[2].config_hash()))
    assert same[0].config_hash() == same[2].config_hash()
    pack(same, both, tmp_path / "b.tar.xz")
    assert set(unpack(same, store, tmp_path / "b.tar.xz").unpacked) == {same[0].name, same[2].name}
    assert store.status(same[2]) == "finished"


def test_arms_that_changed_their_names_come_under_the_new_ones(plan, packed, tmp_path):
    file, store = packed(15), Store(tmp_path / "store")
    swapped = (
        SUITE.replace("  other: ", "  x: ")
        .replace("  regularized: ", "  other: ")
        .replace("  x: ", "  regularized: ")
    )
    cells = expand(read_suite(write_suite(tmp_path, swapped)), tmp_path)
    assert sorted(unpack(cells, store, file).unpacked) == sorted(names(cells))
    source = Store(tmp_path / "packed")
    for new, old in (("other", "regularized"), ("regularized", "other")):
        runs = [store.run(c).metrics() for c in cells if c.arm == new]
        assert runs == [source.run(c).metrics() for c in plan[1] if c.arm == old]


def test_a_damaged_run_is_called_by_its_name_in_the_file(packed, tmp_path):
    text = SUITE.replace("  other: ", "  renamed: ").replace("other]", "renamed]")
    cells, store = expand(read_suite(write_suite(tmp_path, text)), tmp_path), Store(tmp_path / "store")
    name = "runs/other-small-seed0/metrics.json"
    file = repacked(packed(3), lambda contents: {**contents, name: b"{"})
    with pytest.raises(UserError, match=f"{file}: {name}: is not JSON"):
        unpack(cells, store, file)


def test_what_encoders_has_run_sentiment_need_not_run(tmp_path):
    """Baseline and regularized with 500 and 3,000 labels, and of four draws one seed each."""
    suite = ROOT / "configs/reproduce/sentiment.yaml"
    file = ROOT / "configs/reproduce/reference/encoders.tar.xz"
    found = unpack(expand(read_suite(suite), suite.parent), Store(tmp_path / "store"), file)
    assert len(found.unpacked) == 2 * (5 + 5 + 4) and not found.refused
