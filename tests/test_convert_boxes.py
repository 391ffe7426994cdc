"""Converting boxes as a user does."""

from tests.conftest import ROOT

GOOD = ROOT / "tests/pcb/bad_inputs/good"


def test_boxes_are_converted_there_and_back(tmp_path, command):
    done = command("convert_boxes.py", GOOD, "--to", "yolo", "--output", tmp_path / "yolo")
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == f"{tmp_path / 'yolo'}: 12 pictures, 12 boxes of 1 classes (scratch), from voc to yolo\n"
    )
    done = command(
        "convert_boxes.py", tmp_path / "yolo/data.yaml", "--to", "voc", "--output", tmp_path / "voc"
    )
    assert done.returncode == 0, done.stderr
    assert "<xmin>11</xmin><ymin>9</ymin><xmax>14</xmax><ymax>30</ymax>" in (
        tmp_path / "voc/Annotations/b1/b1_0.xml"
    ).read_text(encoding="utf-8")


def test_fractions_that_are_lost_are_counted_and_a_wrong_flag_is_one_line(tmp_path, command):
    (tmp_path / "classes.txt").write_text("dent\n")
    picture = next(GOOD.rglob("*.png")).read_bytes()
    (tmp_path / "a.png").write_bytes(picture)
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.33 0.5\n")
    done = command("convert_boxes.py", tmp_path, "--to", "deeppcb", "--output", tmp_path / "out")
    assert done.stdout.endswith("1 boxes had fractions of pixels, which deeppcb has not: rounded\n")
    done = command("convert_boxes.py", tmp_path, "--to", "xml", "--output", tmp_path / "other")
    assert done.returncode == 2
    assert (
        done.stderr.startswith("error: argument --to: invalid choice: 'xml'") and done.stderr.count("\n") == 1
    )
