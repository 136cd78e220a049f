"""What of presets is on this machine: data that need no download, and weights."""

from capszoo.zoo.cache import home
from capszoo.zoo.presets import find_preset
from capszoo.zoo.presets import read_preset

# Data that come with the package or are generated.
EMBEDDED = (
    "digits",
    "generated_histories",
    "generated_ecg",
    "digit_scenes",
    "generated_volumes",
    "generated_questions",
    "generated_graphs",
    "moving_digits",
)


def weights_here(preset, path):
    """Says whether the weights of a preset are here.

    Args:
        preset: A `Preset`.
        path: `pathlib.Path` of its file.

    Returns:
        `"yes"`, or `"downloaded"` where they lie in the cache; `"missing"` where the preset
        names weights that are not there; `"no"` where it is not trained.

    Example:

    >>> path = capszoo.zoo.find_preset("capsnet_digits")
    >>> capszoo.zoo.what_is_here.weights_here(capszoo.zoo.read_preset(path), path)
    'yes'
    """
    if preset.members:
        found = [weights_here(read_preset(name), find_preset(name)) for name in preset.members]
        return "yes" if set(found) == {"yes"} else "missing"
    if preset.weights is None:
        return "no"
    if not path.with_name(preset.weights.file).is_file():
        return "missing"
    return "downloaded" if path.is_relative_to(home()) else "yes"
