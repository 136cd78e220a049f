"""What needs no run on every backend."""

import keras
import pytest

from capszoo import backend

# PyTorch computes operation by operation; most of what the others do in tests is to compile.
QUICKEST = "torch" if "torch" in backend.installed() else backend.installed()[0]

# For what no backend has a part in (packages, files, processes, documents), for what starts each
# backend by itself, and for the full product of cases of which some run on every backend.
ONCE = pytest.mark.skipif(
    keras.backend.backend() != QUICKEST, reason=f"alike on every backend: runs on {QUICKEST}"
)
