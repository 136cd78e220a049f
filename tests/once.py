"""What needs no run on every backend."""

import keras
import pytest

from capszoo import backend

FIRST = backend.installed()[0]

# For what no backend has a part in (packages, files, processes, documents), for what starts each
# backend by itself, and for the full product of cases of which some run on every backend.
ONCE = pytest.mark.skipif(
    keras.backend.backend() != FIRST, reason=f"alike on every backend: runs on {FIRST}"
)
