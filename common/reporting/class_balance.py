"""How evenly the classes of a data set are filled, for checks of any task."""

from collections.abc import Collection, Mapping, Sequence

from common.reporting.findings import Finding, shorten

# Largest class over smallest: from here on worth knowing, and worth doing something about.
UNEVEN, VERY_UNEVEN = 3, 10
NAMES_SHOWN = 8


def ratio(counts: Collection[int]) -> str:
    """Largest over smallest count for a table; a dash where a class is empty."""
    return f"{max(counts) / min(counts):.2f}" if counts and min(counts) else "-"


def imbalance(counts: Mapping[str, int], unit: str, remedy: str) -> list[Finding]:
    """A finding if the largest class of training is many times as large as the smallest that is not empty.

    Args:
        counts: of each class.
        unit: what is counted, such as ``texts``.
        remedy: what to do about it.
    """
    filled = {name: count for name, count in counts.items() if count}
    if not filled or max(filled.values()) < UNEVEN * min(filled.values()):
        return []
    most, least = max(filled, key=filled.get), min(filled, key=filled.get)
    times = filled[most] / filled[least]
    message = (
        f"train has {filled[most]:,} {unit} of {shorten(most, 20)} and {filled[least]:,} of "
        f"{shorten(least, 20)}, {times:.1f} times as many"
    )
    severity = "warning" if times >= VERY_UNEVEN else "note"
    return [Finding(severity, "imbalance", message, remedy, count=round(times))]


def listed(names: Sequence[str]) -> str:
    """The first names, shortened, and how many more there are."""
    shown = ", ".join(shorten(name, 30) for name in names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return shown + (f" and {more} more" if more > 0 else "")
