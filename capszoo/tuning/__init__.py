"""Hyper-parameter search with KerasTuner over the families' search spaces.

KerasTuner is an extra: it is imported with the first name that needs it.
"""

import importlib

from capszoo.tuning.schema import SearchSpace
from capszoo.tuning.space import override
from capszoo.tuning.space import read_space

_NEED_KERAS_TUNER = {
    "CapsuleHyperModel": "capszoo.tuning.hypermodel",
    "search": "capszoo.tuning.run",
}


def __getattr__(name):
    if name not in _NEED_KERAS_TUNER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from capszoo.tuning.packages import require_keras_tuner

    require_keras_tuner()
    return getattr(importlib.import_module(_NEED_KERAS_TUNER[name]), name)
