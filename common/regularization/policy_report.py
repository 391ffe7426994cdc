"""The parameter policy as rows: what a person reads before believing a decay."""

from collections.abc import Sequence
from typing import Any

from common.config_fields import Optim
from common.errors import UserError
from common.regularization.parameter_groups import ParameterSetting
from common.regularization.shrinkage import NEGLIGIBLE, total_shrinkage


def group_rows(
    settings: Sequence[ParameterSetting], optim: Optim, rates: Sequence[float]
) -> list[dict[str, Any]]:
    """A row for each rule, rate scale and decay that occur together.

    Each has ``rule``, ``tensors``, ``parameters``, ``lr_scale``, ``weight_decay`` and
    ``shrinkage``: the share of a weight without other gradient that is gone after the run, None
    where Adam's division leaves it undefined.

    Args:
        rates: learning rate of each update of the run.

    Raises:
        UserError: an update would take a whole weight or more.
    """
    _refuse_overshooting(settings, optim, max(rates))
    groups: dict[tuple, list[ParameterSetting]] = {}
    for setting in settings:
        groups.setdefault((setting.rule, setting.lr_scale, setting.weight_decay), []).append(setting)
    return [
        {
            "rule": rule,
            "tensors": len(members),
            "parameters": sum(_size(member) for member in members),
            "lr_scale": lr_scale,
            "weight_decay": decay,
            "shrinkage": total_shrinkage(optim, rates, lr_scale, decay),
        }
        for (rule, lr_scale, decay), members in groups.items()
    ]


def _refuse_overshooting(settings: Sequence[ParameterSetting], optim: Optim, rate: float) -> None:
    for setting in settings:
        share = rate * setting.lr_scale * setting.weight_decay
        if share >= 1 and optim.name != "adam":
            raise UserError(
                f"optim.weight_decay: found {setting.weight_decay:g} for {setting.name} at a rate of "
                f"{rate * setting.lr_scale:g}, expected a product below 1: an update would shrink the weight "
                f"by {share:g} times its size"
            )


def warnings(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A line for the decays that are asked for and do nothing, or none."""
    idle = [
        row
        for row in rows
        if row["weight_decay"] and row["shrinkage"] is not None and row["shrinkage"] < NEGLIGIBLE
    ]
    if not idle:
        return []
    decays, most = span([row["weight_decay"] for row in idle]), max(row["shrinkage"] for row in idle)
    tensors = sum(row["tensors"] for row in idle)
    return [
        f"warning: weight_decay {decays} ({tensors} tensors) does nothing: over the whole run it shrinks "
        f"a weight by {most:.1e}, expected at least {NEGLIGIBLE:g}"
    ]


def span(values: Sequence[float]) -> str:
    """``0.1``, or ``0.03 to 0.1`` for values that differ."""
    first, last = f"{min(values):.3g}", f"{max(values):.3g}"
    return first if first == last else f"{first} to {last}"


def summary(rows: Sequence[dict[str, Any]]) -> str:
    """Tensors and parameters with and without decay, in one line."""
    parts = []
    for name, chosen in (
        ("decayed", [r for r in rows if r["weight_decay"]]),
        ("not decayed", [r for r in rows if not r["weight_decay"] and r["rule"] != "frozen"]),
        ("frozen", [r for r in rows if r["rule"] == "frozen"]),
    ):
        if chosen:
            tensors, number = sum(r["tensors"] for r in chosen), sum(r["parameters"] for r in chosen)
            parts.append(f"{name} {tensors} tensors, {number:,} parameters")
    return "; ".join(parts)


def _size(setting: ParameterSetting) -> int:
    return int(setting.parameter.size)
