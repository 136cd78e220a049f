"""Finding and reading presets: ours, those in `CAPSZOO_PRESETS`, directories and addresses."""

import fnmatch
import os
import pathlib

import yaml

from capszoo.files import write_text
from capszoo.validation import unknown_name_error
from capszoo.zoo.preset_file import PRESET_FILE
from capszoo.zoo.preset_file import read_preset_file
from capszoo.zoo.remote import fetch_preset
from capszoo.zoo.remote import is_remote
from capszoo.zoo.schema import DEFAULT_TASK
from capszoo.zoo.schema import Preset

_NOT_PRESETS = {"search_space.yaml"}


def configs_folder():
    """Finds the folder of our own presets."""
    package = pathlib.Path(__file__).resolve().parents[1]
    # The wheel carries zoo_configs inside the package; a checkout has it beside the package.
    inside, beside = package / "zoo_configs", package.parent / "zoo_configs"
    return inside if inside.is_dir() else beside


def preset_folders():
    """Lists the folders presets are looked for in: ours, and those of `CAPSZOO_PRESETS`."""
    ours = configs_folder()
    theirs = os.environ.get("CAPSZOO_PRESETS", "")
    return [ours] + [pathlib.Path(folder) for folder in theirs.split(os.pathsep) if folder]


def _files():
    """Maps the name of every preset to its files: one, unless two are named alike."""
    files = {}
    for folder in preset_folders():
        if not folder.is_dir():
            raise ValueError(f"CAPSZOO_PRESETS names {str(folder)!r}, which is not a folder.")
        for path in sorted(folder.rglob("*.yaml")):
            # A hidden folder is of a save that was killed, a link may lead nowhere.
            hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
            if path.name in _NOT_PRESETS or hidden or not path.is_file():
                continue
            name = path.parent.name if path.name == PRESET_FILE else path.stem
            files.setdefault(name, []).append(path)
    return files


def list_presets(pattern: str = "*") -> list[str]:
    """Lists the presets by name: ours and those in the folders of `CAPSZOO_PRESETS`.

    Args:
        pattern: Shell-style pattern of the names. Defaults to `"*"`.

    Returns:
        Sorted list of names.

    Example:

    >>> capszoo.list_presets("capsnet_d*")
    ['capsnet_digits']
    """
    return sorted(fnmatch.filter(_files(), pattern))


def find_preset(preset: str | os.PathLike) -> pathlib.Path:
    """Finds the file of a preset, downloading it where it is given by its address.

    Args:
        preset: A name of `list_presets()`, a preset directory, a preset file or an address.
            Write `"./capsnet_digits"` for a directory called as a preset is. An address is
            `https://...` of a preset directory, preset file, `.zip` or `.tar.gz`, or
            `hf://owner/repository`; it is downloaded once, to `CAPSZOO_HOME` or
            `~/.cache/capszoo`.

    Returns:
        `pathlib.Path` of the YAML file.

    Raises:
        ValueError: If there is none (with the nearest name), or what came from an address is
            no preset or has not the SHA-256 it states.
        ImportError: If the address is `hf://...` and huggingface_hub is not installed.
        OSError: If it cannot be downloaded or kept.

    Example:

    >>> capszoo.zoo.find_preset("capsnet_digits").name
    'capsnet_digits.yaml'
    """
    if is_remote(preset):
        return fetch_preset(preset)
    path = pathlib.Path(preset)
    # A name means the preset, as it does for data, even where a folder is called the same.
    if isinstance(preset, str) and preset == path.name and preset in (files := _files()):
        first, *others = files[preset]
        if others:
            raise ValueError(
                f"Two files are named preset {preset!r}: {first}, {others[0]}. Give the path."
            )
        return first
    if path.is_dir():
        if not (path / PRESET_FILE).is_file():
            raise ValueError(f"The folder {str(path)!r} is no preset: it has no {PRESET_FILE}.")
        return path / PRESET_FILE
    if path.suffix in (".yaml", ".yml") and path.is_file():
        return path
    if path.suffix in (".yaml", ".yml") or len(path.parts) > 1:
        raise ValueError(f"No such preset file or directory: {str(path)!r}")
    raise unknown_name_error("preset", str(preset), _files())


def read_preset(preset: str | os.PathLike) -> Preset:
    """Reads and checks a preset.

    Args:
        preset: A name, path or address, as for `find_preset`.

    Returns:
        A `Preset`.

    Raises:
        ValueError: If there is none, or the file is not a valid preset.
        OSError: If it cannot be downloaded or kept.

    Example:

    >>> capszoo.zoo.read_preset("capsnet_digits").family
    'capsnet'
    """
    return read_preset_file(find_preset(preset))


def write_preset(preset: Preset, path: pathlib.Path) -> None:
    """Writes a preset to a YAML file, leaving out what is absent."""
    content = preset.model_dump(mode="json", exclude_none=True)
    if preset.task == DEFAULT_TASK:
        del content["task"]
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    write_text(path, text)
