"""A user's own clips: video files, and folders with one sub-folder of them per class."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from capszoo.data.image_folder import files_of_splits
from capszoo.data.image_folder import folder_class_names
from capszoo.data.images import check_picture_shape
from capszoo.data.images import resize_images

INSTALL = 'pip install "capszoo[video]"'
SUFFIXES = (".mp4", ".gif", ".webm", ".avi", ".mov", ".mkv", ".m4v", ".mpg", ".mpeg")
FORMATS = {1: "gray", 3: "rgb24"}


def av() -> Any:
    """Returns the module PyAV, or raises an `ImportError` that says how to install it."""
    try:
        import av
    except ImportError as error:
        raise ImportError(
            f"Video files are read with PyAV: {INSTALL}. Importing it said: {error}"
        ) from error
    return av


def read_clip(
    path: str | os.PathLike, image_shape: tuple[int | None, int | None, int] = (None, None, 3)
) -> np.ndarray:
    """Reads all frames of a video file.

    Each frame is made grayscale or RGB and resized as by `capszoo.data.images.resize_images`,
    without keeping its aspect ratio, as soon as it is decoded: a long video takes the memory of its
    small frames. Sound is passed over, and so is how fast the frames are shown.

    Args:
        path: An MP4, GIF, WebM, AVI, MOV, MKV or MPEG file, or any other that FFmpeg reads.
        image_shape: Height, width and channels of a frame, 1 for grayscale or 3 for RGB; height and
            width `None` for the file's own. Defaults to `(None, None, 3)`.

    Returns:
        uint8 array of shape (frames, height, width, channels).

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the package PyAV is missing.
        ValueError: If the file cannot be read as a video, or the shape is not possible.

    Example:

    >>> from PIL import Image
    >>> frames = [Image.new("L", (48, 32), 20 * number) for number in range(10)]
    >>> frames[0].save("clip.gif", save_all=True, append_images=frames[1:])
    >>> capszoo.data.video_files.read_clip("clip.gif", (16, 16, 1)).shape
    (10, 16, 16, 1)
    """
    height, width, channels = image_shape
    if None not in (height, width):
        check_picture_shape(image_shape)
    frames = []
    for frame in _decoded(path):
        picture = frame.to_ndarray(format=FORMATS[channels])
        picture = picture.reshape(1, *picture.shape[:2], channels)
        if height is not None and width is not None:
            picture = resize_images(picture, height, width)
        frames.append(picture[0])
    if len({frame.shape for frame in frames}) > 1:
        raise ValueError(f"Cannot read {os.fspath(path)} as a clip: its frames differ in size.")
    return np.stack(frames)


def read_middle(
    path: str | os.PathLike, frames: int, image_shape: tuple[int, int, int]
) -> np.ndarray:
    """Reads the frames in the middle of a video file, as `read_clip` does.

    Args:
        path: As in `read_clip`.
        frames: How many frames.
        image_shape: As in `read_clip`.

    Returns:
        uint8 array of shape (frames, height, width, channels).

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the package PyAV is missing.
        ValueError: If the file cannot be read as a video, or has fewer frames.
    """
    clip = read_clip(path, image_shape)
    if len(clip) < frames:
        hint = " A picture is no clip." if len(clip) == 1 else ""
        raise ValueError(
            f"Cannot read {os.fspath(path)} as a clip for the model: it has {len(clip)} frames, "
            f"and the model takes {frames}.{hint}"
        )
    start = (len(clip) - frames) // 2
    return clip[start : start + frames]


def clip_shape(path: str | os.PathLike) -> tuple[int, int, int, int]:
    """Returns the shape `(frames, height, width, channels)` that a video file has of itself."""
    frames = _decoded(path)
    first = next(frames)
    count = 1 + sum(1 for _ in frames)
    channels = 1 if first.format.name.startswith("gray") else 3
    return count, first.height, first.width, channels


def _decoded(path) -> Iterator[Any]:
    """The frames of a file, at least one."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"There is no video file at {os.fspath(path)}.")
    package, count = av(), 0
    try:
        with package.open(os.fspath(path)) as container:
            if not container.streams.video:
                raise ValueError("it holds no pictures that move.")
            for frame in container.decode(video=0):
                count += 1
                yield frame
        if not count:
            raise ValueError("it holds no frame.")
    except (package.error.FFmpegError, ValueError) as error:
        raise ValueError(
            f"Cannot read {os.fspath(path)} as a clip (MP4, GIF, WebM, AVI, MOV, MKV): {error}"
        ) from None


def load_clips(
    folder: Path, split: str, image_shape: tuple[int, int, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Reads one split of a folder with a sub-folder of video files for each class.

    It may hold `train/`, `validation/` and `test/` with such sub-folders, as a folder of pictures
    does; what is missing is carved from the training clips by the same rule. Clips of a split are
    cut, to their middle, to as many frames as the shortest one has.

    Args:
        folder: The folder.
        split: `"train"`, `"validation"` or `"test"`.
        image_shape: Height, width and channels (1 or 3) to which every frame is brought. Defaults
            to `None`, those of the files, which must then be of one size.

    Returns:
        Clips, uint8 of shape (n, frames, height, width, channels), and labels, int64 of shape (n,):
        the positions of the classes in alphabetical order.

    Raises:
        ImportError: If the package PyAV is missing.
        ValueError: If a class or the folder is empty, a file cannot be read, a class is too small
            to be split, or sizes differ and `image_shape` is `None`.
    """
    files = files_of_splits(folder, SUFFIXES, "clips")[split]
    clips = [read_clip(path, image_shape or (None, None, 3)) for path in files]
    sizes = {clip.shape[1:3]: path for clip, path in zip(clips, files, strict=True)}
    if len(sizes) > 1:
        seen = ", ".join(f"{path} is {h}x{w}" for (h, w), path in sorted(sizes.items())[:3])
        raise ValueError(
            f"The clips of {folder} differ in size: give the argument `image_shape`, "
            f"(height, width, channels), to resize their frames. Received: {seen}."
        )
    shortest = min(map(len, clips))
    starts = [(len(clip) - shortest) // 2 for clip in clips]
    parts = [clip[start : start + shortest] for clip, start in zip(clips, starts, strict=True)]
    positions = {name: position for position, name in enumerate(folder_class_names(folder))}
    labels = [positions[path.parent.name] for path in files]
    return np.stack(parts), np.array(labels, "int64")


def folder_clips_shape(folder: Path) -> tuple[int | None, ...]:
    """Returns the shape of all clips of a folder, their frames as many as the shortest one has.

    Height and width are `None` where they differ; the channels are 3 if any clip has colours.
    """
    paths = [path for own in files_of_splits(folder, SUFFIXES, "clips").values() for path in own]
    shapes = [clip_shape(path) for path in paths]
    sizes = {shape[1:3] for shape in shapes}
    size = sizes.pop() if len(sizes) == 1 else (None, None)
    return (min(shape[0] for shape in shapes), *size, max(shape[3] for shape in shapes))


def shortest_clip(folder: Path, split: str) -> tuple[Path, int]:
    """Names the shortest clip of a split of a folder, and says how many frames it has."""
    files = files_of_splits(folder, SUFFIXES, "clips")[split]
    lengths = [(clip_shape(path)[0], path) for path in files]
    length, path = min(lengths)
    return path, length


def own_clips_path(name: str | os.PathLike) -> Path | None:
    """Returns the path of clips of one's own, a folder; `None` where there is none."""
    path = Path(name).expanduser() if isinstance(name, str | os.PathLike) else None
    return path if path is not None and os.fspath(name) and path.is_dir() else None
