"""capszoo: capsule networks for Keras 3, on JAX, TensorFlow and PyTorch."""

from capszoo import backend
from capszoo import interruption

if backend.is_command():
    interruption.heed()
backend.configure()

from capszoo import benchmarks
from capszoo import converters
from capszoo import data
from capszoo import export
from capszoo import kernels
from capszoo import layers
from capszoo import losses
from capszoo import metrics
from capszoo import models
from capszoo import ops
from capszoo import robustness
from capszoo import routing
from capszoo import training
from capszoo import tuning
from capszoo import visualization
from capszoo import zoo
from capszoo.models import list_models
from capszoo.models import register_family
from capszoo.version import __version__
from capszoo.zoo import list_presets
from capszoo.zoo import load
