"""What the policy costs, on BERT-base; slow, run by: scripts/test.sh -m slow -s"""

import time

import numpy as np
import paddle
import pytest
from paddlenlp.transformers import BertConfig, BertModel
from scipy import stats

from common.config_fields import Optim
from common.regularization.parameter_groups import parameter_settings
from common.training.optimizer import build_optimizer

PAIRS = 40

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bert_base() -> BertModel:
    return BertModel(BertConfig())


def test_policy_and_optimizer_take_under_a_fifth_of_a_second(bert_base):
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        build_optimizer(Optim(name="adamw"), parameter_settings(bert_base, 0.01))
        seconds.append(time.perf_counter() - started)
    print(f"policy and optimizer: median {np.median(seconds):.3f} s of {len(seconds)}")
    assert np.median(seconds) < 0.2


def test_a_step_through_groups_costs_what_a_flat_list_costs(bert_base):
    parameters = [p for p in bert_base.parameters() if not p.stop_gradient]
    for parameter in parameters:
        parameter.grad = paddle.full_like(parameter, 1e-3)
    flat = paddle.optimizer.AdamW(1e-5, parameters=parameters, weight_decay=0.01)
    grouped = build_optimizer(Optim(name="adamw", learning_rate=1e-5), parameter_settings(bert_base, 0.01))

    def seconds(optimizer) -> float:
        started = time.perf_counter()
        optimizer.step()
        return time.perf_counter() - started

    for optimizer in (flat, grouped):
        seconds(optimizer)
    ratios = []
    for pair in range(PAIRS):
        order = (flat, grouped) if pair % 2 else (grouped, flat)
        took = {id(optimizer): seconds(optimizer) for optimizer in order}
        ratios.append(took[id(grouped)] / took[id(flat)])
    logs = np.log(ratios)
    margin = stats.t.ppf(0.95, PAIRS - 1) * logs.std(ddof=1) / np.sqrt(PAIRS)
    mean, upper = np.exp(logs.mean()), np.exp(logs.mean() + margin)
    print(f"step through groups / flat list: {mean:.3f}, upper 95 % bound {upper:.3f}, {PAIRS} pairs")
    assert upper <= 1.05
