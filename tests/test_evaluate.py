"""evaluate.py as a user runs it on several runs."""

from tests.sentiment.commands import write_run


def test_all_runs_are_looked_at_before_the_first_is_evaluated(tmp_path, command):
    write_run(tmp_path / "good")
    done = command("evaluate.py", "--split", "test", "--run", tmp_path / "good", tmp_path / "missing")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path / 'missing'}: found no config.yaml")
    assert not (tmp_path / "good/test_readings.csv").exists()
