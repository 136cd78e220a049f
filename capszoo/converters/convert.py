"""From a foreign weights file to a preset directory."""

import contextlib
import hashlib
import os
import pathlib
import re
from typing import Any

import numpy as np

from capszoo.converters import efficient_capsnet
from capszoo.converters import keras_capsnet
from capszoo.converters import matching
from capszoo.converters.arrays import ArraysFile
from capszoo.converters.keras_files import opened_keras
from capszoo.converters.plain_files import opened_npz
from capszoo.converters.plain_files import opened_safetensors
from capszoo.converters.report import Conversion
from capszoo.validation import unknown_name_error
from capszoo.zoo import load
from capszoo.zoo import read_preset
from capszoo.zoo import save

# What opens the file, and for a format with an architecture of its own what understands it.
FORMATS = {
    "efficient_capsnet": (opened_keras, efficient_capsnet.EfficientCapsNetFile),
    "keras_capsnet": (opened_keras, keras_capsnet.KerasCapsNetFile),
    "npz": (opened_npz, None),
    "safetensors": (opened_safetensors, None),
}


def formats() -> list[str]:
    """Lists the formats that `convert` reads.

    Returns:
        Their names, sorted.

    Example:

    >>> capszoo.converters.formats()
    ['efficient_capsnet', 'keras_capsnet', 'npz', 'safetensors']
    """
    return sorted(FORMATS)


def convert(
    format: str,
    file: str | os.PathLike,
    directory: str | os.PathLike,
    *,
    preset: str | os.PathLike | None = None,
    name: str | None = None,
    **arguments: Any,
) -> Conversion:
    """Converts a weights file to a preset directory that `capszoo.load` loads.

    Every array of the file must be there, have its shape and find its variable, or nothing is
    written. The preset is then loaded back and compared with the file.

    Args:
        format: A name of `formats()`.
        file: The weights file.
        directory: The preset directory to write; must not exist yet.
        preset: The preset whose architecture the file is for: needed with `"npz"` and
            `"safetensors"`; the other formats tell their own. Defaults to `None`.
        name: Name of the preset. Defaults to `None`, made of the directory's name.
        **arguments: Arguments of the family's class that replace what the file or the preset
            tells, for example `image_shape`.

    Returns:
        A `Conversion`: what became of each array.

    Raises:
        ImportError: If the package safetensors is needed and missing.
        ValueError: If the format is unknown, the directory exists, the file is none of the
            format, or an array is missing, left over or of another shape.

    Example:

    >>> shapes = capszoo.converters.export("capsnet_digits", "weights.npz")
    >>> conversion = capszoo.converters.convert(
    ...     "npz", "weights.npz", "converted", preset="capsnet_digits"
    ... )
    >>> conversion.largest_difference
    0.0
    >>> capszoo.load("converted").num_classes
    10
    """
    if format not in FORMATS:
        raise unknown_name_error("format", format, FORMATS)
    file, directory = pathlib.Path(file), pathlib.Path(directory)
    if directory.exists():
        raise ValueError(f"{str(directory)!r} exists already; choose another directory.")
    opened, understand = FORMATS[format]
    if understand is None and preset is None:
        raise ValueError(
            f"Format {format!r} holds arrays alone: name the preset whose architecture they are "
            "for, with preset= or --preset."
        )
    if understand is not None and preset is not None:
        raise ValueError(f"Format {format!r} tells its own architecture; leave out the preset.")
    name = name or _name_of(directory, format)
    with _named_in_errors(file), opened(file) as arrays:
        source: Any
        if preset is not None:
            source = ArraysFile(read_preset(preset), arguments)
        elif understand is not None:
            source = understand(file, arrays, arguments)
        model = source.model(name)
        pairs = source.pairs(model)
        # From here on numbers are read: each array has the size that the model has for it.
        matching.check(pairs, arrays, model, file, source.ignored)
        matching.assign(pairs, arrays, model)
        with open(file, "rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        notes = source.notes(sha256)
        if source.ignored:
            notes += (f"Left out on request: {', '.join(source.ignored)}.",)
        description = f"Converted from {file.name} (SHA-256 {sha256})"
        save(model, directory, description=description, **source.sections)
        loaded = load(directory)
        return Conversion(
            format=format,
            file=str(file),
            sha256=sha256,
            directory=str(directory),
            rows=matching.compare(pairs, arrays, loaded),
            source_parameters=sum(arrays[pair.source].size for pair in pairs),
            model_parameters=sum(int(np.prod(one.shape)) for one in loaded.weights),
            output_difference=_output_difference(source, loaded),
            notes=notes,
        )


@contextlib.contextmanager
def _named_in_errors(file):
    """Names the file in errors of the model that it tells of."""
    try:
        yield
    except ValueError as error:
        if str(file) in str(error):
            raise
        raise ValueError(f"{file}: {error}") from error


def _output_difference(source, model):
    """The largest difference of the model's scores to a plain NumPy forward pass, if there is."""
    if not source.has_reference or model.normalization == "per_image":
        return None
    images = np.random.default_rng(0).integers(0, 256, (2, *model.image_shape)).astype("uint8")
    scaled = images * model.rescaling
    if model.normalization:
        mean, variance = (np.array(model.normalization[key]) for key in ("mean", "variance"))
        scaled = (scaled - mean) / np.sqrt(variance)
    scores = model.predict(images, verbose=0)
    return float(np.abs(scores - source.scores(scaled)).max())


def _name_of(directory, format):
    """A preset's name out of the directory's: small letters, digits and underscores."""
    name = re.sub(r"[^a-z0-9]+", "_", directory.name.lower()).strip("_")
    return name or format
