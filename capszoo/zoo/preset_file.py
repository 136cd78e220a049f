"""Reading one preset file."""

from capszoo.files import read_yaml
from capszoo.zoo.schema import validate

PRESET_FILE = "preset.yaml"


def read_preset_file(path, where=None):
    """Reads and checks a preset file.

    Args:
        path: `pathlib.Path` of the YAML file.
        where: Where it comes from, for the error. Defaults to `None`, the path.

    Returns:
        A `Preset`.

    Raises:
        ValueError: If the file is not a valid preset.

    Example:

    >>> path = capszoo.zoo.find_preset("capsnet_digits")
    >>> capszoo.zoo.preset_file.read_preset_file(path).family
    'capsnet'
    """
    return validate(read_yaml(path, where), where or path)
