"""What needs no run on every backend."""

import keras
import pytest

from capszoo import backend

FIRST = backend.installed()[0]

# For slow tests of what no backend has a part in: packages, files.
ONCE = pytest.mark.skipif(
    keras.backend.backend() != FIRST, reason=f"alike on every backend: runs on {FIRST}"
)
