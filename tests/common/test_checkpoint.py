"""Checkpoints: whole or not at all, and refused with the reason."""

import paddle
import pytest
from paddle import nn

from common.config_fields import Optim
from common.errors import UserError
from common.regularization.parameter_groups import parameter_settings
from common.training.checkpoint import load_checkpoint, save_checkpoint
from common.training.optimizer import build_optimizer


def model(width: int = 4) -> nn.Layer:
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1D(width), nn.Linear(width, 1))


def step(network: nn.Layer, optimizer) -> None:
    paddle.seed(1)
    network(paddle.randn([8, 3])).square().mean().backward()
    optimizer.step()
    optimizer.clear_grad()


@pytest.mark.parametrize("name", ["adamw", "adam", "momentum", "sgd"])
def test_weights_optimizer_and_state_come_back_in_another_process_order(tmp_path, name):
    network = model()
    optimizer = build_optimizer(Optim(name=name), parameter_settings(network, 0.1))
    step(network, optimizer)
    save_checkpoint(tmp_path / "a.safetensors", network, {"step": 1, "note": "好"}, optimizer)
    step(network, optimizer)
    # Layers built in between change the names that Paddle generates.
    model()
    other = model()
    other_optimizer = build_optimizer(Optim(name=name), parameter_settings(other, 0.1))
    state = load_checkpoint(tmp_path / "a.safetensors", other, other_optimizer)
    step(other, other_optimizer)
    assert state == {"step": 1, "note": "好"}
    for one, two in zip(network.state_dict().values(), other.state_dict().values()):
        assert (one.numpy() == two.numpy()).all()


def test_nothing_but_the_checkpoint_is_left(tmp_path):
    save_checkpoint(tmp_path / "checkpoints" / "a.safetensors", model(), {})
    save_checkpoint(tmp_path / "checkpoints" / "a.safetensors", model(), {})
    (file,) = (tmp_path / "checkpoints").iterdir()
    assert file.name == "a.safetensors"
    (tmp_path / "plain").touch()
    # As anybody's files, not for their owner alone.
    assert file.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_does_not_fit_is_refused_with_its_name(tmp_path):
    file = tmp_path / "a.safetensors"
    save_checkpoint(file, model(), {})
    with pytest.raises(UserError, match=r"weight 0.weight: found shape \[3, 4\], expected \[3, 5\]"):
        load_checkpoint(file, model(5))
    with pytest.raises(UserError, match="has no weight 3.weight"):
        load_checkpoint(file, nn.Sequential(*model(), nn.Linear(1, 1)))
    with pytest.raises(UserError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "b.safetensors", model())
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match="is not a checkpoint"):
        load_checkpoint(file, model())
