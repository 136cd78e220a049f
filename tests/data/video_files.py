"""Video files to read: clips whose frames are of one grey each."""

import numpy as np


def greys(count, first=20, step=20, size=(32, 48)):
    """A clip of frames of one grey each, `(count, *size, 3)`."""
    levels = first + step * np.arange(count)
    return np.broadcast_to(levels[:, None, None, None], (count, *size, 3)).astype("uint8")


def write_clip(path, frames, codec=None):
    """Writes frames `(n, height, width, 3)` as a video file, by what its name ends in."""
    import av

    codec = (
        codec or {".gif": "gif", ".mp4": "mpeg4", ".avi": "mpeg4", ".webm": "libvpx"}[path.suffix]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            for packet in stream.encode(picture):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path
