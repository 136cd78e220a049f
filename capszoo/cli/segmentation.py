"""What `capszoo predict` does with a model that segments: label maps of scans, masks, overlays."""

import numpy as np
from rich.table import Table

from capszoo.cli.app import messages
from capszoo.cli.app import print_json
from capszoo.cli.app import tables
from capszoo.data.image_folder import SUFFIXES as PICTURE_SUFFIXES
from capszoo.data.image_folder import picture_files
from capszoo.data.label_files import write_label_map
from capszoo.data.label_files import write_mask
from capszoo.data.label_files import write_overlay
from capszoo.data.mask_pictures import read_picture
from capszoo.data.nifti import SUFFIXES as SCAN_SUFFIXES
from capszoo.data.nifti import case_name
from capszoo.data.nifti import open_volume
from capszoo.data.nifti import read_volume
from capszoo.data.nifti import warn_of_spacing


def segment_files(model, names, given, output=None, invert=False, as_json=False):
    """Segments files one after the other, writes what is found and says how much it is.

    Args:
        model: A model of the task of segmentation.
        names: The names of its classes.
        given: Paths of files, and of folders of such.
        output: A file, or a folder, which is made where there is none; see `_targets`. Defaults
            to `None`, nothing is written.
        invert: Whether dark and bright of pictures are swapped. Defaults to `False`.
        as_json: Whether JSON is printed in place of a table. Defaults to `False`.
    """
    scans = model.input_end.unit == "volumes"
    if scans and invert:
        raise ValueError("--invert is for pictures.")
    paths = _paths(given, scans)
    targets = [()] * len(paths) if output is None else _targets(paths, output, scans)
    for path in given if scans else ():
        if path in paths:
            open_volume(path)  # what is no scan is found before any work is done
    found = []
    for path, target in zip(paths, targets, strict=True):
        segment = _segment_scan if scans else _segment_picture
        try:
            labels, unit_size = segment(model, path, target, invert)
        except ValueError as error:
            # Of a folder the others count.
            if path in given or not str(error).startswith("Cannot read"):
                raise
            messages.print(f"Left out: {error}", style="red", soft_wrap=True)
            continue
        counts = np.bincount(labels.ravel(), minlength=len(names)).tolist()
        one = {"image": str(path), "size": list(labels.shape)}
        one |= {"pixels" if unit_size is None else "voxels": dict(zip(names, counts, strict=True))}
        if unit_size is not None:
            one["milliliters"] = {
                name: round(count * unit_size / 1000, 4)
                for name, count in zip(names, counts, strict=True)
            }
        found.append({**one, "written": [str(file) for file in target]})
    if as_json:
        return print_json(found)
    if output is not None:
        messages.print(f"{len(found)} {model.input_end.unit}: {output}", soft_wrap=True)
    return tables.print(_table(found, names))


def read_cases(model, given, invert=False):
    """Reads files that a model segments, and those in folders.

    Args:
        model: A model of the task of segmentation.
        given: Paths of files, and of folders of such.
        invert: Whether dark and bright of pictures are swapped. Defaults to `False`.

    Returns:
        The paths, and an array for each.
    """
    scans = model.input_end.unit == "volumes"
    if scans and invert:
        raise ValueError("--invert is for pictures.")
    paths = _paths(given, scans)
    if scans:
        return paths, [read_volume(path).array for path in paths]
    pictures = [read_picture(path, model.image_shape[-1]) for path in paths]
    return paths, [255 - picture if invert else picture for picture in pictures]


def _table(found, names):
    table = Table("image", "size", *names[1:])
    for one in found:
        counts = one.get("voxels") or one["pixels"]
        total = sum(counts.values())
        cells = [
            f"{one['milliliters'][name]:.3f} ml" if "milliliters" in one else f"{count / total:.2%}"
            for name, count in counts.items()
        ]
        table.add_row(one["image"], " x ".join(map(str, one["size"])), *cells[1:])
    return table


def _segment_scan(model, path, target, invert):
    volume = read_volume(path)
    warn_of_spacing({path.name: volume.spacing})
    labels = _labels(model, path, volume.array)
    for file in target:
        write_label_map(file, labels, path)
    return labels, float(np.prod(volume.spacing))


def _segment_picture(model, path, target, invert):
    picture = read_picture(path, model.image_shape[-1])
    labels = _labels(model, path, 255 - picture if invert else picture)
    if target:
        mask, overlay = target
        write_mask(mask, labels)
        write_overlay(overlay, picture, labels)
    return labels, None


def _labels(model, path, image):
    try:
        (found,) = model.probabilities([image])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if not np.isfinite(found).all():
        messages.print(
            f"Warning: some probabilities of {path} are not finite; they say nothing.", style="red"
        )
    return found.argmax(-1).astype("uint8")


def _paths(given, scans):
    """The files that are given, and those of their kind in folders that are."""
    endings = SCAN_SUFFIXES if scans else PICTURE_SUFFIXES
    paths = []
    for path in given:
        if not path.is_dir():
            if not path.name.lower().endswith(endings):
                kind = "scans, volumes" if scans else "pictures"
                raise ValueError(
                    f"This model takes files of {kind} that end in {', '.join(endings)}. "
                    f"Received: {path}"
                )
            paths.append(path)
        elif scans:
            files = (file for file in path.rglob("*") if file.name.endswith(endings))
            paths += sorted(file for file in files if file.name[0] != ".")
        else:
            paths += picture_files(path)
    if not paths:
        folders = ", ".join(str(path) for path in given)
        raise ValueError(f"There is no file that ends in {', '.join(endings)} at {folders}.")
    missing = next((path for path in paths if not path.is_file()), None)
    if missing is not None:
        raise FileNotFoundError(f"There is no file at {missing}.")
    return paths


def _targets(paths, output, scans):
    """The files to be written for each path: a label map, or a mask and an overlay.

    An output that ends as such a file does is one, for one path, and its overlay lies beside it;
    any other is a folder, where files have the names of what they are of.
    """
    endings = SCAN_SUFFIXES if scans else (".png",)
    ending = next((end for end in endings if output.name.endswith(end)), None)
    others = [end for end in (*SCAN_SUFFIXES, *PICTURE_SUFFIXES, ".csv") if end not in endings]
    if ending is None and output.name.lower().endswith(tuple(others)) and not output.is_dir():
        raise ValueError(
            f"Expected --output to be a folder or a file that ends in {', '.join(endings)}. "
            f"Received: {output}"
        )
    if ending is not None and not output.is_dir():
        if len(paths) > 1:
            raise ValueError(f"Expected --output to be a folder, for {len(paths)} files: {output}")
        stem = output.name[: -len(ending)]
        names = [[output.name] if scans else [output.name, f"{stem}_overlay.png"]]
        folder = output.parent
    else:
        names = [
            [f"{case_name(path)}.nii.gz"]
            if scans
            else [f"{path.stem}_mask.png", f"{path.stem}_overlay.png"]
            for path in paths
        ]
        folder = output
    written = [[folder / name for name in one] for one in names]
    first = [str(one[0].resolve()) for one in written]
    twice = next((one for one in first if first.count(one) > 1), None)
    if twice is not None:
        raise ValueError(f"Expected files that differ in name: two would be written to {twice}.")
    inputs = {path.resolve() for path in paths}
    lost = next((file for one in written for file in one if file.resolve() in inputs), None)
    if lost is not None:
        raise ValueError(f"Expected another --output: {lost} is to be read, and would be lost.")
    if folder == output and not output.exists():
        if not output.resolve().parent.is_dir():
            raise ValueError(f"Expected --output to be in a folder that exists: {output}")
        output.mkdir()
    elif not folder.is_dir():
        raise ValueError(f"Expected --output to be in a folder that exists: {output}")
    return written
