"""What a run says of the machine that it ran on."""

import pytest

from common.training import run_folder

X86 = "model name\t: Fast CPU\ncpu family\t: 25\nmodel\t\t: 17\nflags\t\t: avx2\n\n" * 2
ARM = "processor\t: 0\nBogoMIPS\t: 50.00\n\n"


@pytest.mark.parametrize(
    "cpuinfo, expected",
    [
        (X86, "Fast CPU (cpu family 25, model 17) x 2"),
        ("model name\t: Fast CPU\n\n", "Fast CPU x 1"),
        (ARM, "made by a test"),
        (None, "made by a test"),
    ],
)
def test_a_processor_is_named_with_its_generation_and_number(tmp_path, monkeypatch, cpuinfo, expected):
    file = tmp_path / "cpuinfo"
    if cpuinfo is not None:
        file.write_text(cpuinfo, encoding="utf-8")
    monkeypatch.setattr("platform.processor", lambda: "made by a test")
    assert run_folder.processor(file) == expected
