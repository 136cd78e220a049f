"""Weights from elsewhere into presets, and a preset's weights out as plain arrays."""

from capszoo.converters.arrays import export
from capszoo.converters.convert import convert
from capszoo.converters.convert import formats
from capszoo.converters.report import Conversion
