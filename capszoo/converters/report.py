"""What a conversion did, variable by variable."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class Row:
    """One converted array.

    Attributes:
        source: Its name in the source file.
        path: The path of our variable.
        shape: The shape of our variable.
        difference: Largest absolute difference of our variable, loaded back from the preset,
            to the array of the file.
    """

    source: str
    path: str
    shape: tuple[int, ...]
    difference: float


@dataclasses.dataclass(frozen=True)
class Conversion:
    """The record of a conversion.

    Attributes:
        format: The format of the source file.
        file: The source file.
        sha256: Its SHA-256.
        directory: The preset directory.
        rows: One `Row` per array.
        source_parameters: How many numbers were taken from the file.
        model_parameters: How many numbers the model's weights hold.
        output_difference: Largest absolute difference between the scores of the converted
            model and of a plain NumPy forward pass on the arrays of the file, on random images;
            `None` for formats that do not say what to compute.
        notes: What else there is to know, in sentences.
    """

    format: str
    file: str
    sha256: str
    directory: str
    rows: tuple[Row, ...]
    source_parameters: int
    model_parameters: int
    output_difference: float | None
    notes: tuple[str, ...]

    @property
    def largest_difference(self) -> float:
        """The largest difference of all arrays; `0.0` where every number arrived.

        NaN where the file holds what is no number.
        """
        return float(np.max([row.difference for row in self.rows], initial=0.0))
