"""Reading one preset file."""

from capszoo.zoo.schema import validate
from capszoo.zoo.yaml_text import load_yaml

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
    where = where or path
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
    except ValueError as error:  # UnicodeDecodeError is one, too
        raise ValueError(f"{where} is not a YAML file: {error}") from None
    return validate(content, where)
