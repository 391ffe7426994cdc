"""Pages and tables."""

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from common.errors import UserError
from common.evaluation.detection import count_by_score
from common.reporting.figures import save_figure
from common.reporting.fonts import find_font
from common.reporting.page import HtmlImage, HtmlTable, Section, write_page
from common.reporting.plots import plot_learning_curves, plot_precision_recall
from common.reporting.run_report import comparison_table, curves_section, write_run_report
from common.reporting.tables import metrics_table, text_table
from common.training.run_folder import RunFolder
from tests.boxes import found, truth


def test_a_page_needs_no_other_file_and_escapes_what_it_shows(tmp_path):
    history = pd.DataFrame({"epoch": [1, 2], "train_loss": [2.0, 1.0], "validation_f1": [0.5, 0.6]})
    plot_learning_curves(history, "f1", tmp_path / "plot.png")
    table = HtmlTable(["a"], [["<script>alert(1)</script>"]])
    section = Section("A & B", tables=[table], images=[HtmlImage(tmp_path / "plot.png", "curves")])
    write_page(tmp_path / "page.html", "Title", [section], note="1 < 2")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<script>" not in text and "&lt;script&gt;" in text
    assert "A &amp; B" in text and "1 &lt; 2" in text
    assert 'src="data:image/png;base64,' in text and 'src="plot' not in text


def test_texts_of_plots_are_drawn_in_a_font_that_has_their_characters(tmp_path):
    assert find_font("царапина 1").name == "DejaVuSans.ttf" and find_font("no font \U0010fffd") is None
    figure = plt.figure()
    # The font of these has no Cyrillic letter.
    texts = [figure.text(0.1, 0.1, text, family="cmr10", size=7) for text in ("щ", "a")]
    save_figure(figure, tmp_path / "plot.png", 50)
    assert [text.get_fontproperties().get_file() for text in texts] == [str(find_font("щ")), None]
    assert {text.get_size() for text in texts} == {7}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("epochs", [3, 50])
def test_learning_curves_of_short_and_long_runs_are_drawn_without_a_warning(epochs, tmp_path):
    values = np.linspace(1, 0, epochs)
    history = pd.DataFrame({"epoch": range(1, epochs + 1), "train_loss": values, "validation_f1": 1 - values})
    plot_learning_curves(history, "f1", tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_precision_recall_is_drawn_without_detections_too(tmp_path):
    none = count_by_score([truth((0, 0))], [found()])
    some = count_by_score([truth((0, 0), (50, 0))], [found((0, 0, 0.9), (80, 0, 0.8), (50, 0, 0.7))])
    plot_precision_recall({"all": some, "a": none}, 0.75, tmp_path / "plots" / "curves.png")
    plot_precision_recall({"all": none}, 0.5, tmp_path / "plots" / "empty.png")
    drawn = [cv2.imread(str(tmp_path / "plots" / name)) for name in ("curves.png", "empty.png")]
    # The curve of all is black, and thicker than the frame.
    assert (drawn[0] < 30).all(axis=2).sum() > (drawn[1] < 30).all(axis=2).sum() + 300


def test_a_table_shows_every_metric_of_every_split():
    text = metrics_table({"validation": {"f1": 0.5, "loss": 1.0}, "test": {"f1": 0.25, "n": 3}})
    for shown in ("f1", "loss", "n", "0.5000", "0.2500", "1.0000", "3", "-"):
        assert shown in text


def test_a_comparison_has_a_row_a_run_and_refuses_what_was_not_evaluated(tmp_path):
    runs = [RunFolder(tmp_path / name) for name in ("a", "b")]
    for run, value in zip(runs, (0.5, 0.75)):
        run.write_history([{"epoch": 1, "seconds": 30.0}, {"epoch": 2, "seconds": 60.0}])
        run.add_metrics("test", {"f1": value})
    table = comparison_table(runs, "test", ("f1",))
    assert table.columns == ["run", "f1", "epochs", "minutes"]
    assert table.rows == [["a", "0.5000", "2", "1.5"], ["b", "0.7500", "2", "1.5"]]
    with pytest.raises(UserError, match="found no validation metrics"):
        comparison_table(runs, "validation", ("f1",))


def test_the_report_of_a_run_says_its_minutes_of_training(tmp_path):
    run = RunFolder(tmp_path)
    epochs = [{"epoch": e, "train_loss": 1.0, "validation_f1": 0.5, "seconds": 45.0} for e in (1, 2)]
    run.write_history(epochs)
    run.add_metrics("validation", {"f1": 0.5})
    for name in ("environment.json", "config.yaml"):
        (tmp_path / name).write_text("{}")
    write_run_report(run, "f1")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<p>2 epochs, 1.5 minutes of training without evaluation.</p>" in text


def test_metrics_of_other_splits_stay(tmp_path):
    run = RunFolder(tmp_path)
    run.add_metrics("validation", {"f1": 0.5})
    run.add_metrics("test", {"f1": np.float64(0.25)})
    run.add_metrics("validation", {"f1": 0.75})
    assert run.metrics() == {"validation": {"f1": 0.75}, "test": {"f1": 0.25}}


def test_text_of_a_table_is_shown_as_it_is():
    assert "[/red] :smile: [b]" in text_table(["a"], [["[/red] :smile: [b]"]])


def test_runs_without_a_common_metric_are_compared_by_their_loss(tmp_path):
    runs = [RunFolder(tmp_path / name) for name in "ab"]
    for run, metric in zip(runs, ("accuracy", "other")):
        run.write_history([{"step": 1, "validation_loss": 1.0, f"validation_{metric}": 0.5}])
    for chosen, expected in ((runs[:1], "accuracy"), (runs, "loss")):
        (image,) = curves_section("task", chosen, "accuracy", tmp_path / "plot.png").images
        assert image.description == f"validation {expected} by update" and image.path.is_file()
