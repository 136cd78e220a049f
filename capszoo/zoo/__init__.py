"""Presets: models by name, with their data, recipe, results and weights."""

from capszoo.zoo.loading import build
from capszoo.zoo.loading import class_names
from capszoo.zoo.loading import load
from capszoo.zoo.preparation import prepare_images
from capszoo.zoo.presets import find_preset
from capszoo.zoo.presets import list_presets
from capszoo.zoo.presets import read_preset
from capszoo.zoo.saving import save
from capszoo.zoo.schema import Preset
