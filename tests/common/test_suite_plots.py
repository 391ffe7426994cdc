"""Pictures of a suite, of results that are not all there yet."""

import warnings

import pytest

from common.reporting.suite_plots import Pairs, plot_pairs


@pytest.mark.parametrize("figure", [None, 0.03])
@pytest.mark.parametrize("interval", [None, (-0.01, 0.02)])
def test_a_single_pair_is_drawn_without_a_warning(tmp_path, interval, figure):
    path = tmp_path / "pairs.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_pairs(Pairs("accuracy", ("one", "another"), ([0.8], [0.81]), interval, figure), path)
    assert path.stat().st_size > 5_000
