"""A user's own pictures: a folder with one sub-folder per class."""

from pathlib import Path

import numpy as np

from capszoo.data.images import native_shape
from capszoo.data.images import read_image
from capszoo.data.splits import SPLITS
from capszoo.data.splits import digest
from capszoo.data.splits import hold_out_tenth

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
# What people call the folders of the splits, in any case.
SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val"),
    "test": ("test", "testing"),
}


def load_image_folder(
    folder: Path, split: str, image_shape: tuple[int, int, int] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Reads one split of a folder of pictures, ordered by class and by file name.

    The folder holds one sub-folder per class, or else `train/` (or `training/`) and, where there
    are such, `validation/` (`valid/`, `val/`) and `test/` (`testing/`), in any case, each with the
    same class folders. A split without a folder is
    carved from the training pictures: a tenth of each class (at least one picture) for the
    test, then a tenth of the rest for validation, by the digests of their paths.

    Args:
        folder: The folder.
        split: `"train"`, `"validation"` or `"test"`.
        image_shape: Height, width, channels (1 or 3) to which every picture is brought, or
            `None` to keep their size, which must then be the same for all.

    Returns:
        Pictures, uint8 of shape (n, height, width, channels), and labels, int64 of shape (n,):
        the positions of the classes in alphabetical order.

    Raises:
        ValueError: If a class or the folder is empty, a picture cannot be read, a class is too
            small to be split, or sizes differ and `image_shape` is `None`.
    """
    files = files_of_splits(folder)
    if image_shape is None:
        image_shape = _common_shape(folder, files)
    positions = {name: position for position, name in enumerate(folder_class_names(folder))}
    images = np.empty((len(files[split]), *image_shape), dtype="uint8")
    for image, path in zip(images, files[split], strict=True):
        image[...] = read_image(path, image_shape)
    return images, np.array([positions[path.parent.name] for path in files[split]], dtype="int64")


def folder_class_names(folder: Path) -> list[str]:
    """Returns the names of the class folders, in alphabetical order: the order of the labels."""
    return list(_sub_folders(split_folders(folder)["train"]))


def _sub_folders(folder):
    paths = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    return {path.name: path for path in paths}


def split_folders(folder, unit="pictures"):
    """Returns the folders that hold class folders, by split."""
    found = _sub_folders(folder)
    if not found:
        raise ValueError(
            f"{folder} is empty: expected a sub-folder of {unit} for each class, or "
            f"train/, validation/ and test/ with such sub-folders."
        )
    # Only if all of them are splits: "train" may well be a class beside "car" and "plane".
    split_of = {alias: split for split, aliases in SPLIT_FOLDERS.items() for alias in aliases}
    if not {name.lower() for name in found} <= set(split_of):
        return {"train": folder}
    splits = {}
    for name, path in found.items():
        split = split_of[name.lower()]
        if split in splits:
            raise ValueError(
                f"{folder} has two folders for one split: {splits[split].name}/ and {name}/. "
                "Leave one of them."
            )
        splits[split] = path
    if "train" not in splits:
        raise ValueError(
            f"{folder} lacks train/. Expected train/ and, if you like, validation/ and test/. "
            f"Received: {', '.join(found)}."
        )
    return splits


def files_of_splits(
    folder: Path, suffixes: tuple[str, ...] = SUFFIXES, unit: str = "pictures"
) -> dict[str, list[Path]]:
    """Returns the files of each split, in the order of classes and file names.

    Args:
        folder: The folder, as in `load_image_folder`.
        suffixes: How the names of examples end. Defaults to those of pictures.
        unit: What examples are, for errors. Defaults to `"pictures"`.

    Returns:
        Maps each split to paths.

    Raises:
        ValueError: If a class or the folder is empty, or a class too small to be split.
    """
    roots = split_folders(folder, unit)
    files = {split: _class_files(root, suffixes, unit) for split, root in roots.items()}
    expected = list(_sub_folders(roots["train"]))
    for root in roots.values():
        if list(_sub_folders(root)) != expected:
            raise ValueError(
                f"{root} must have the class folders of {roots['train']}: {', '.join(expected)}. "
                f"Received: {', '.join(_sub_folders(root))}."
            )
    for split in ("test", "validation"):
        if split not in files:
            paths = files["train"]
            classes = np.array([path.parent.name for path in paths])
            keys = [digest(f"{path.parent.name}/{path.name}".encode()) for path in paths]
            held_out = hold_out_tenth(classes, keys, f"{folder} to make a {split} split")
            files[split] = [path for path, held in zip(paths, held_out, strict=True) if held]
            files["train"] = [path for path, held in zip(paths, held_out, strict=True) if not held]
    return files


def files_by_stem(folder: Path) -> dict[str, Path]:
    """Returns the picture files in a folder, but hidden ones, by their names without the ending.

    Raises:
        ValueError: If two have the same name.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if _is_picture(path):
            if path.stem in found:
                raise ValueError(
                    f"Expected pictures in {folder} that differ in more than their ending. "
                    f"Received: {found[path.stem].name} and {path.name}"
                )
            found[path.stem] = path
    return found


def picture_files(folder: Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[Path]:
    """Returns the picture files of a folder and those in it, but hidden ones, by path.

    Files of other kinds by what their names end in, `suffixes`.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if _is_picture(path, suffixes)
        and not any(part[0] == "." for part in path.relative_to(folder).parts)
    )


def _is_picture(path, suffixes=SUFFIXES):
    return path.suffix.lower() in suffixes and path.name[0] != "." and path.is_file()


def _class_files(root, suffixes, unit):
    folders = _sub_folders(root)
    if not folders:
        raise ValueError(f"{root} is empty: expected a sub-folder of {unit} for each class.")
    files = []
    for folder in folders.values():
        # Other files, such as the thumbnails that some systems leave, are passed over.
        of_class = sorted(path for path in folder.iterdir() if _is_picture(path, suffixes))
        if not of_class:
            raise ValueError(
                f"The class folder {folder} holds no {unit} ({', '.join(suffixes)}). "
                f"Folders of splits must be called {', '.join(SPLITS)}, with no others beside."
            )
        files += of_class
    return files


def folder_shape(folder: Path) -> tuple[int | None, int | None, int]:
    """Returns the shape of all pictures of all splits, RGB if any has colours.

    Height and width are `None` where they differ.
    """
    shapes = {native_shape(path) for paths in files_of_splits(folder).values() for path in paths}
    channels = max(shape[2] for shape in shapes)
    sizes = {shape[:2] for shape in shapes}
    return (*sizes.pop(), channels) if len(sizes) == 1 else (None, None, channels)


def _common_shape(folder, files):
    """Returns the shape of all pictures of all splits, RGB if any has colours."""
    shapes = {}
    for path in (path for paths in files.values() for path in paths):
        shapes.setdefault(native_shape(path), path)
    sizes = {shape[:2]: path for shape, path in shapes.items()}
    if len(sizes) > 1:
        seen = ", ".join(f"{path} is {h}x{w}" for (h, w), path in sorted(sizes.items())[:3])
        raise ValueError(
            f"The pictures of {folder} differ in size: give the argument `image_shape`, "
            f"(height, width, channels), to resize them. Received: {seen}."
        )
    return max(shapes)
