"""A model to a file of its own, by the file's ending, from any backend."""

import os

import keras
import numpy as np

from capszoo.converters.arrays import export_arrays
from capszoo.export.exported import Exported
from capszoo.export.forms import ARRAYS
from capszoo.export.forms import check_place
from capszoo.export.graph import input_dtype
from capszoo.export.on_tensorflow import write_on_tensorflow
from capszoo.export.writing import write
from capszoo.models import preset_functions
from capszoo.validation import check_flag


def export(
    model, file: str | os.PathLike, *, reconstructions: bool = False, examples=None
) -> Exported:
    """Writes a model for another runtime, and holds the file against the model.

    The ending says the form: `.onnx`; `.savedmodel`, a folder; `.tflite` for LiteRT; and of weights
    alone `.npz` and `.safetensors`. Raw examples go in, pictures as bytes, any number at a time:
    what prepares them is in the file. What comes out has the names of the model's outputs. The file
    is run by its own runtime, where that is installed, and gets its name only if it answers as the
    model does, to `1e-4`.

    TensorFlow writes the file. On another backend the weights are loaded in a process of its own
    that runs on TensorFlow.

    Args:
        model: A `CapsuleModel`.
        file: The file, which must not exist yet.
        reconstructions: Whether the reconstructions come out too. Defaults to `False`: the
            answer alone, of a classifier the scores.
        examples: What goes through the file to hold it against the model, as the model takes
            it. Defaults to `None`, made examples.

    Returns:
        An `Exported`.

    Raises:
        ImportError: If TensorFlow or another package that writes the form is missing.
        OSError: If the file cannot be written.
        RuntimeError: If what was written answers otherwise than the model.
        ValueError: If the ending is unknown, the file exists, the model has no reconstructions, or
            the form lacks what the model needs.
    """
    path = check_place(file)
    check_flag("reconstructions", reconstructions)
    names = [model.primary_output]
    if reconstructions and "reconstructions" not in names:
        if "reconstructions" not in model.output:
            raise ValueError(f"Model '{model.name}' has no decoder: there are no reconstructions.")
        names.append("reconstructions")
    if path.suffix in ARRAYS:
        if reconstructions:
            raise ValueError(f"Files ending in {path.suffix} hold weights: nothing comes out.")
        export_arrays(model, path)
        return Exported(str(path), "arrays", path.stat().st_size, {}, {})
    x = model.synthetic_examples(8) if examples is None else examples
    x = np.asarray(model.to_arrays(x))
    model.check_data(x)
    x = x.astype(input_dtype(model))
    expected = {"x": x, **{name: model.predict_output(name, x) for name in names}}
    if keras.backend.backend() == "tensorflow":
        return write(model, path, expected)
    return write_on_tensorflow(model, path, expected)


preset_functions["export"] = export
