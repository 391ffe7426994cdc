"""What training refuses in a line: the check goes on wherever a data set can be read at all."""

import pytest

from common.config import build
from common.errors import UserError
from common.reporting.findings import findings_text
from tasks.pcb.check import check_data
from tasks.pcb.config import Config
from tasks.pcb.data import read_data
from tests.conftest import ROOT
from tests.pcb.test_bad_inputs import FOLDERS, INPUTS

# Where nothing tells which pictures, classes or numbers are meant.
UNREADABLE = {
    "coco_annotations_object",
    "coco_categories_differ",
    "coco_category_twice",
    "coco_image_twice",
    "coco_no_categories",
    "coco_not_json",
    "coco_two_files",
    "deeppcb_no_classes",
    "deeppcb_one_name",
    "nothing",
    "two_formats",
    "yolo_classes_empty",
    "yolo_count",
    "yolo_names_gap",
    "yolo_names_number",
    "yolo_names_number_like",
    "yolo_names_twice",
    "yolo_no_folder",
    "yolo_not_yaml",
}


@pytest.mark.parametrize("name", FOLDERS)
def test_what_training_refuses_is_an_error_among_the_findings(name):
    config = build(Config, {"task": "pcb", "data": {"root": name}}, "test")
    with pytest.raises(UserError) as refused:
        read_data(config, ROOT / INPUTS)
    if name in UNREADABLE:
        with pytest.raises(UserError) as told:
            check_data(config, ROOT / INPUTS)
        assert str(told.value) == str(refused.value)
        return
    findings = check_data(config, ROOT / INPUTS)[1]
    assert any(finding.severity == "error" for finding in findings)
    assert findings_text(findings)
