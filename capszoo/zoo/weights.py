"""Weights files: verified before they are read, written whole or not at all."""

import hashlib
import os

from capszoo.zoo.schema import Weights


def describe(path):
    """Makes the preset's entry for a weights file: name, SHA-256 and size."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Weights(file=path.name, sha256=digest, size=path.stat().st_size)


def verify(path, weights):
    """Raises `ValueError` unless the file at `path` is the one a preset describes."""
    if not path.is_file():
        raise ValueError(f"The weights file {path} is missing.")
    found = describe(path)
    if found.sha256 != weights.sha256:
        raise ValueError(
            f"The weights file {path} is not the one its preset describes; it was not read. "
            f"Expected SHA-256 {weights.sha256} ({weights.size} bytes). "
            f"Received: {found.sha256} ({found.size} bytes)"
        )


def write(model, path):
    """Saves a model's weights (with its optimizer's state, if it has any) atomically."""
    partial = path.with_name(f"partial-{path.name}")
    model.save_weights(partial, overwrite=True)
    os.replace(partial, path)
