"""Input ends: what goes into a model, checked, prepared and opened as a graph."""

from capszoo.models.inputs.graph_input import GraphInput
from capszoo.models.inputs.history_input import HistoryInput
from capszoo.models.inputs.image_input import ImageInput
from capszoo.models.inputs.input_end import InputEnd
from capszoo.models.inputs.masked_image_input import MaskedImageInput
from capszoo.models.inputs.signal_input import SignalInput
from capszoo.models.inputs.token_input import TokenInput
from capszoo.models.inputs.unscaled_image_input import UnscaledImageInput
from capszoo.models.inputs.video_input import VideoInput
from capszoo.models.inputs.volume_input import VolumeInput
