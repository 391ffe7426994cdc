"""What is made of finished cells; these here were made by the test."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from common.errors import UserError
from tasks.reproduce.analysis import Analysis
from tasks.reproduce.blocks import fill_blocks, fill_file, suites_of
from tasks.reproduce.cells import expand
from tasks.reproduce.comparison_tables import (
    spread_table,
    verdict_table,
)
from tasks.reproduce.markdown import markdown
from tasks.reproduce.report import write_reports
from tasks.reproduce.results import Results, choose_best
from tasks.reproduce.store import Record, Store
from tasks.reproduce.suite_file import read_suite
from tasks.reproduce.summary import summarize_suite
from tests.reproduce.made_runs import SUITE, finish, write_suite
from tests.reproduce.packs import WRONG


def test_a_large_gain_is_reached_and_its_estimate_is_the_mean_of_the_pairs(made, summary):
    claim = summary["claims"][0]
    first, second = (
        made[0].values(arm, "small", "validation", "accuracy") for arm in ("baseline", "regularized")
    )
    assert claim["estimate"] == pytest.approx(sum(second[s] - first[s] for s in first) / 5)
    assert claim["verdict"] == "reached" and claim["low"] > 0 and claim["units"] == 200


def test_spreads_are_ratios_over_seeds_and_within_runs(summary):
    over_seeds, within = summary["claims"][1:]
    assert (over_seeds["kind"], over_seeds["seeds"]) == ("spread_over_seeds", 5)
    # The test's own noise within a run is proportional to the share of wrong reviews.
    assert within["estimate"] == pytest.approx(1 / 3, abs=0.15)
    assert within["verdict"] == "reached"
    rows = spread_table(summary).rows
    assert [row[0] for row in rows] == ["F1 varies less", "F1 is steadier"]
    assert rows[0][2:] == [f"{over_seeds[name]:.3f}" for name in ("p_value", "levene_p_value")]
    assert rows[1][3] == "-"


def test_a_broken_run_is_listed_and_counts_as_diverged(summary):
    name = "other-small-seed4"
    assert summary["runs"][name]["failure"] == "error: loss is nan"
    rows = [row for row in summary["exploratory"] if row["arm"] == "other"]
    assert rows and all(row["diverged"] == [["other", 4]] and row["seeds"] == 4 for row in rows)


@pytest.fixture()
def few(tmp_path):
    """A suite of which three regularized runs are broken, one is still to come, and seed 0 alone is whole."""
    suite, store = read_suite(write_suite(tmp_path)), Store(tmp_path / "out")
    cells = [cell for cell in expand(suite, tmp_path) if cell.arm != "other"]
    for cell in cells[:-1]:
        if cell.arm == "regularized" and cell.seed:
            store.write(cell, Record(False, 5.0, ["error: loss is nan"] * 2, cell.config_hash()))
        else:
            finish(store, cell, WRONG[cell.arm])
    return suite, cells, store


def test_a_claim_whose_runs_diverged_is_listed_and_says_how_many(few, tmp_path):
    results = Results(*few)
    summary = summarize_suite(results, Analysis(results, tmp_path), "made")
    table = verdict_table(summary)
    rows = [dict(zip(table.columns, row)) for row in table.rows]
    assert [row["claim"] for row in rows] == ["Accuracy rises", "F1 varies less", "F1 is steadier"]
    assert {row["verdict"] for row in rows} == {"not decided; exploratory"}
    assert {row["seeds"] for row in rows} == {"1 of 4"}
    assert (summary["planned"], len(summary["runs"])) == (10, 9)


def test_a_claim_is_listed_before_its_runs_are_there(few, tmp_path):
    suite, cells, store = few
    results = Results(suite, [cell for cell in cells if cell.arm == "baseline"], store)
    found = summarize_suite(results, Analysis(results, tmp_path), "made")["claims"]
    assert [claim["verdict"] for claim in found] == ["no pair of runs yet"] * 3


def test_a_claim_on_a_metric_that_runs_have_not_is_refused(few, tmp_path):
    _, cells, store = few
    suite = read_suite(write_suite(tmp_path, SUITE.replace("metric: accuracy", "metric: acuracy")))
    results = Results(suite, cells, store)
    with pytest.raises(UserError) as error:
        Analysis(results, tmp_path).claims()
    assert "Accuracy rises: metric: found 'acuracy'" in str(error.value)
    assert str(error.value).endswith("the nearest is accuracy")


@pytest.mark.parametrize(
    "part, expected",
    [
        ("claims: [{text: A, kind: spread_within_run, metric: recall_1, split: validation, regime: small}]",
         "evaluations.csv: found no metric recall_1; the nearest is "),
        ("sources: [{arms: [baseline], regimes: [small, again], metric: acuracy}]",
         "sources: baseline: metric: found 'acuracy', which baseline-small-seed0 has not; the nearest"),
    ],
)  # fmt: skip
def test_a_metric_that_runs_have_only_at_their_end_or_not_at_all_is_refused(few, tmp_path, part, expected):
    _, cells, store = few
    again = "groups:\n  - {arms: [baseline], regime: again, seeds: 5}"
    text = SUITE.partition("claims:")[0].replace("groups:", again) + part
    text = text.replace("  small: {", "  again: {steps: 1, seconds_per_step: 1}\n  small: {")
    results = Results(read_suite(write_suite(tmp_path, text)), cells, store)
    with pytest.raises(UserError) as error:
        summarize_suite(results, Analysis(results, tmp_path), "made")
    assert expected in str(error.value)


def test_what_no_claim_is_about_is_exploratory_and_corrected(summary):
    rows = summary["exploratory"]
    found = {(row["arm"], row["metric"], row["split"]) for row in rows}
    assert ("regularized", "accuracy", "test") in found
    assert ("regularized", "accuracy", "validation") not in found
    assert all(row["adjusted"] >= row["p_value"] for row in rows)
    # What a comparison says alone must not be read as a verdict.
    assert all("verdict" not in row for row in rows)


def test_the_page_stands_alone_and_links_the_runs(made, summary):
    page = (made[1] / "out/report.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(https?:)?//', page)
    assert page.index("Verdicts") < page.index("Arms: sentiment") < page.index("Environment")
    links = re.findall(r'href="(runs/[^"]+)"', page)
    assert len(links) == 14 and all((made[1] / "out" / link).is_file() for link in links)
    for words in (
        "Against the baseline",
        "Seed by seed",
        "Learning curves",
        "recall_1",
        "loss is nan",
        "train - validation",
    ):
        assert words in page


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ({"validation": {"accuracy": "high"}}, "validation.accuracy: found 'high', expected a number"),
        ({"validation": {"accuracy": None}}, "validation.accuracy: found None, expected a number"),
        ({"validation": 3}, "validation: found 3, expected an object"),
    ],
)
def test_metrics_of_a_wrong_kind_are_refused_with_file_and_place(made, tmp_path, metrics, said):
    suite, store = made[0].suite, Store(tmp_path / "out")
    cell = expand(suite, made[1])[0]
    finish(store, cell, WRONG[cell.arm])
    file = store.run(cell).path / "metrics.json"
    known = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**known, **metrics}), encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(f"{file}: {said}")):
        Results(suite, [cell], store)


def test_predictions_that_were_changed_are_refused_with_the_folder_to_remove(made, tmp_path):
    suite, store = made[0].suite, Store(tmp_path / "out")
    cells = [cell for cell in expand(suite, made[1]) if cell.arm != "other"]
    for cell in cells:
        finish(store, cell, WRONG[cell.arm])
    file = store.run(cells[0]).predictions("validation")
    file.write_text("".join(file.read_text(encoding="utf-8").splitlines(True)[:101]), encoding="utf-8")
    results = Results(suite, cells, store)
    expected = (
        f"small, validation: baseline, seed 0: found .*; expected the run's folder in {store.folder}/runs"
    )
    with pytest.raises(UserError, match=expected):
        summarize_suite(results, Analysis(results, tmp_path), "made")


def test_the_same_runs_give_the_same_report(made, summary):
    files = [made[1] / "out" / name for name in ("report.html", "report.md", "results.json")]
    before = [file.read_bytes() for file in files]
    write_reports(made[0], Analysis(*made), "made", [])
    assert [file.read_bytes() for file in files] == before


def test_results_are_json_with_every_raw_value(made, summary):
    kept = json.loads((made[1] / "out/results.json").read_text(encoding="utf-8"))
    values = made[0].values("baseline", "small", "test", "f1_macro")
    assert {run["seed"]: run["metrics"]["test"]["f1_macro"] for run in kept["runs"].values()
            if run["arm"] == "baseline"} == values  # fmt: skip


def test_a_marked_block_is_made_anew_and_nothing_else(tmp_path, summary):
    file = tmp_path / "README.md"
    file.write_text(
        "before\n<!-- reproduce made -->\nold\n<!-- end of reproduce made -->\nbetween\n"
        "<!-- reproduce other -->\nkept\n<!-- end of reproduce other -->\n"
        "<!-- reproduce made accuracy test -->\nold\n<!-- end of reproduce made -->\nafter\n",
        encoding="utf-8",
    )
    assert fill_file(file, summary)
    text = file.read_text(encoding="utf-8")
    whole = markdown(summary, everything=False)
    assert text.startswith(
        f"before\n<!-- reproduce made -->\n{whole}<!-- end of reproduce made -->\nbetween\n"
    )
    assert (
        text.endswith("<!-- end of reproduce made -->\nafter\n") and "\nkept\n" in text and "old" not in text
    )
    assert suites_of(text) == {"made", "other"} and fill_blocks(text, summary) == text
    file.write_text("no markers\n", encoding="utf-8")
    assert not fill_file(file, summary)


def test_a_block_of_one_metric_has_a_row_an_arm_and_a_column_a_regime(summary):
    text = "<!-- reproduce made accuracy test -->\n<!-- end of reproduce made -->"
    lines = fill_blocks(text, summary).splitlines()
    assert lines[1] == "| arm | small |"
    values = [
        run["metrics"]["test"]["accuracy"] for run in summary["runs"].values() if run["arm"] == "baseline"
    ]
    assert lines[3] == f"| baseline | {np.mean(values):.4f} ± {np.std(values, ddof=1):.4f} |"
    with pytest.raises(UserError, match="made: found no run with recall of test"):
        fill_blocks(text.replace("accuracy", "recall"), summary)


SEARCH = (
    SUITE.partition("arms:")[0]
    + """
sweeps:
  baseline: {config: QUICKSTART/sentiment-baseline.yaml, fields: {model.dropout: [0.1, 0.2, 0.3]}}
baselines: []
regimes:
  small: {steps: 100, seconds_per_step: 0.5, overrides: {data.train_size: 160}}
groups: [{arms: [baseline], regime: small, seeds: [7], splits: [train, validation]}]
confirmation: {sweeps: [baseline], regime: small, seeds: [8]}
""".replace("QUICKSTART", SUITE.partition("config: ")[2].partition("/sentiment")[0])
)


def test_a_search_takes_the_best_trial_and_draws_loss_against_strength(tmp_path):
    suite, store = read_suite(write_suite(tmp_path, SEARCH)), Store(tmp_path / "out")
    cells = expand(suite, tmp_path)
    for cell, wrong in zip(cells, (0.3, 0.05, 0.2)):
        finish(store, cell, wrong)
    results = Results(suite, cells, store)
    assert choose_best(results) == {"baseline": "baseline_0.2"}
    summary = write_reports(results, Analysis(results, tmp_path), "made", [])
    assert summary["best"] == {"baseline": "baseline_0.2"}
    assert (tmp_path / "out/plots/strength-model.dropout.png").is_file()
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "Search: baseline, 3 trials" in page and "chosen" in page


def test_a_search_without_a_whole_trial_confirms_nothing_and_still_can_be_listed(tmp_path):
    suite, store = read_suite(write_suite(tmp_path, SEARCH)), Store(tmp_path / "out")
    cells = expand(suite, tmp_path)
    for cell in cells:
        store.write(cell, Record(False, 5.0, ["error: loss is nan"] * 2, cell.config_hash()))
    assert choose_best(Results(suite, cells, store)) == {}


def test_a_changed_suite_is_noticed_by_the_first_field_that_differs(made):
    results, folder = made
    changed = read_suite(write_suite(folder, SUITE.replace("train_size: 160", "train_size: 200")))
    with pytest.raises(UserError) as error:
        results.store.check_unchanged(expand(changed, folder)[0])
    assert "cell baseline-small-seed0 has changed" in str(error.value)
    assert "data.train_size: found 160, asked for 200" in str(error.value)
    for result in results.found:
        results.store.check_unchanged(result.cell)


def test_evaluations_between_epochs_are_what_within_run_fluctuation_is_made_of(made):
    result = made[0].of("baseline", "small")[0]
    rows = pd.read_csv(result.run.evaluations)
    late = rows[(rows["step"] >= 50) & (rows["step"] <= 90)]
    assert len(late) == 9
    assert 0 < result.within_run("f1_macro") < 3 * late["validation_f1_macro"].std()
