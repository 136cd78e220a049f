"""Measured figures in words: percent with a standard error, or a plain number."""

from capszoo.models import get_family
from capszoo.models.measure import Measure
from capszoo.zoo.schema import Preset


def measures_of(preset: Preset) -> tuple[Measure, ...]:
    """The measures of a preset's task, the one that chooses the epoch first."""
    return get_family(preset.family).measures


def unit_of(preset: Preset) -> str:
    """What the examples of a preset are, in the plural: `"images"`."""
    return get_family(preset.family).input_end.unit


def test_examples(preset: Preset) -> int:
    """On how many test examples a preset was measured."""
    return getattr(preset.results, f"test_{unit_of(preset)}")


def figure(measure: Measure, value: float, count: int | None = None) -> str:
    """Writes a figure down.

    Args:
        measure: What was measured.
        value: What came out.
        count: On how many examples, for the standard error. Defaults to `None`, without one.

    Returns:
        String.

    Example:

    >>> accuracy = capszoo.models.CapsNet.measures[0]
    >>> capszoo.zoo.figures.figure(accuracy, 0.9, 100)
    '90.00 ± 3.00 %'
    """
    if not measure.of_examples:
        return f"{value:.4f}"
    if count is None:
        return f"{100 * value:.2f} %"
    return f"{100 * value:.2f} ± {100 * standard_error(value, count):.2f} %"


def standard_error(share: float, count: int) -> float:
    """Standard error of a share measured on that many examples, the root of p (1 - p) / n."""
    return (share * (1 - share) / count) ** 0.5


def test_figure(preset: Preset) -> str:
    """The first figure of a preset on its test examples, `"-"` where there is none.

    A plain number has its measure beside it.
    """
    if preset.results is None:
        return "-"
    measure = measures_of(preset)[0]
    value = getattr(preset.results, f"test_{measure.name}")
    return f"{figure(measure, value, test_examples(preset))}{_name_of(measure)}"


def published_figure(preset: Preset) -> str:
    """The first figure that somebody else has published, `"-"` where there is none."""
    if preset.published is None:
        return "-"
    measure = measures_of(preset)[0]
    value = figure(measure, getattr(preset.published, f"test_{measure.name}"))
    return f"{value}{_name_of(measure)}"


def _name_of(measure):
    return "" if measure.of_examples else f" {measure.name.replace('_', ' ')}"
