"""Input ends: what goes into a model, checked, prepared and opened as a graph."""

from capszoo.models.inputs.image_input import ImageInput
from capszoo.models.inputs.input_end import InputEnd
from capszoo.models.inputs.signal_input import SignalInput
