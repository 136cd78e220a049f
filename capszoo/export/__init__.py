"""Models for other runtimes: ONNX, SavedModel, LiteRT, each held against the model it came from."""

from capszoo.export.export import export
from capszoo.export.exported import Exported
from capszoo.export.forms import check_place
from capszoo.export.forms import endings
