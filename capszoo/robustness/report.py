"""All that is measured of presets, and the folder it is written to."""

import dataclasses
import os
import pathlib
import shutil
import tempfile
from collections.abc import Sequence

from capszoo.files import write_text
from capszoo.kinds import Count
from capszoo.kinds import checked
from capszoo.robustness.accuracies import measure_distortions
from capszoo.robustness.accuracies import measure_objects
from capszoo.robustness.adversarial import measure_attacks
from capszoo.robustness.calibrated import measure_calibration
from capszoo.robustness.calibration import Reliability
from capszoo.robustness.curves import draw_curves
from capszoo.robustness.curves import draw_reliability
from capszoo.robustness.measured import Measured
from capszoo.robustness.measured import markdown_table
from capszoo.robustness.measured import write_csv
from capszoo.robustness.outside import measure_outside
from capszoo.robustness.subjects import subjects_of_presets
from capszoo.robustness.viewpoints import measure_views
from capszoo.robustness.viewpoints import novel_views
from capszoo.visualization.figures import check_matplotlib


@dataclasses.dataclass
class Report:
    """What was measured.

    Attributes:
        rows: The figures.
        diagrams: For each network its `Reliability`, by the way of calibration; empty where
            pictures hold several objects.
    """

    rows: list[Measured]
    diagrams: dict[str, dict[str, Reliability]]


@checked
def measure_presets(
    presets: Sequence[str | os.PathLike],
    images: Count = 1000,
    names: Sequence[str] | None = None,
    outside: str | None = None,
    attacks: bool = False,
    seed: int = 0,
    data_dir: str | os.PathLike | None = None,
) -> Report:
    """Measures trained presets on the test pictures of their data.

    Accuracy under each distortion; calibration, fitted to validation pictures; of networks trained
    on familiar viewpoints the accuracy on novel ones; of several objects a picture how many are
    found; if asked, pictures of other classes, and attacks.

    Args:
        presets: Names, run folders, files or addresses, all of one data set. Those of one name are
            runs of one network, and standard errors are then over the runs.
        images: How many test pictures at most, the first. Defaults to `1000`.
        names: Which of `DISTORTIONS`. Defaults to `None`, all.
        outside: Name or path of data of other classes. Defaults to `None`, none.
        attacks: Whether FGSM and PGD are measured. Defaults to `False`.
        seed: Seed of the distortions. Defaults to `0`.
        data_dir: Folder of the data sets; see `capszoo.data.load`. Defaults to `None`.

    Returns:
        A `Report`.

    Raises:
        ValueError: If a preset is not trained or does not classify pictures, or the data of two
            differ, or those from outside are of another shape.

    Example:

    >>> report = capszoo.robustness.measure_presets(["conv_net_digits"], 50, ["blur"])
    >>> [row.check for row in report.rows].count("blur")
    5
    """
    subjects = subjects_of_presets(presets)
    first, content = subjects[0].models[0], subjects[0].content

    def load(data, split, model=first, prepared=False):
        x, y = model.input_end.load(data, split, data_dir, model.example_shape, prepared)
        return x[:images], y[:images]

    test = load(content, "test")
    # Before hours of work, so that what they end in is known to be there.
    others = None if outside is None else load({**content, "name": outside}, "test")[0]
    rows = measure_distortions(subjects, test[0], test[1], names, seed)
    diagrams: dict[str, dict[str, Reliability]] = {}
    if test[1].ndim > 1:
        rows += measure_objects(subjects, *test)
    elif first.num_classes > 1:
        validation = load(content, "validation")
        calibration, diagrams = measure_calibration(subjects, validation, test)
        rows += calibration
    if (content.get("viewpoints") or "").startswith("familiar"):
        rows += measure_views(subjects, test, load(novel_views(content), "test"))
    if others is not None:
        rows += measure_outside(subjects, test[0], others)
    if attacks:
        # Each as its own body takes them: networks may cut out different parts.
        for subject in subjects_of_presets(presets, prepared=True):
            own = load(subject.content, "test", subject.models[0], prepared=True)
            rows += measure_attacks([subject], *own)
    return Report(rows, diagrams)


def check_directory(directory: str | os.PathLike) -> pathlib.Path:
    """Returns a directory, or raises `ValueError` unless it is empty or not there."""
    directory = pathlib.Path(directory)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ValueError(f"Expected a directory that is empty or not there. Received: {directory}")
    check_matplotlib()
    return directory


def write_report(report: Report, directory: str | os.PathLike) -> list[pathlib.Path]:
    """Writes a report: `measured.csv`, the same as `measured.md`, curves and diagrams as PNG.

    Args:
        report: What `measure_presets` gave.
        directory: Where to write; must not exist, or be empty.

    Returns:
        The paths of the files.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If the directory holds something.
    """
    directory = check_directory(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Written beside its place and moved there: nobody finds half a report.
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".robustness-") as name:
        folder = pathlib.Path(name)
        write_csv(folder / "measured.csv", report.rows)
        write_text(folder / "measured.md", markdown_table(report.rows) + "\n")
        draw_curves(report.rows).savefig(folder / "curves.png", bbox_inches="tight")
        if report.diagrams:
            figure = draw_reliability(report.diagrams)
            figure.savefig(folder / "reliability.png", bbox_inches="tight")
        os.chmod(folder, 0o755)
        if directory.exists():
            directory.rmdir()
        shutil.copytree(folder, directory)
    return sorted(directory.iterdir())
