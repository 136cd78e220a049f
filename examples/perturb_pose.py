"""What the numbers of a class capsule mean: change one at a time and decode.

    pip install ".[jax,plots]"
    python examples/perturb_pose.py         # half a minute; writes perturb_pose.png
    python examples/perturb_pose.py docs/perturb_pose.png       # or where you say

Where `CAPSZOO_DATA_DIR` holds `mnist.npz`, these are digits of MNIST, in `capsnet_mnist`; elsewhere
the 8x8 digits that need no download, in `capsnet_digits`. The words are what we saw in the
pictures: nobody told the network what a slant is.
"""

import os
import pathlib
import sys

import matplotlib
import numpy as np

import capszoo

matplotlib.use("Agg")
import matplotlib.pyplot as plt

# For each digit a number of its pose that is easy to put into words.
SHOWN = {
    "mnist": {
        0: (8, "roundness"),
        1: (9, "thickness"),
        4: (14, "open top"),
        5: (14, "upright"),
        7: (2, "slant"),
        8: (9, "width"),
    },
    "digits": {2: (1, ""), 4: (8, ""), 5: (9, ""), 7: (0, "")},
}
CHANGES = np.linspace(-0.25, 0.25, 11)
NIGHT, CHALK, AMBER = "#101418", "#e8e6e3", "#ffb454"


def choose_data():
    """The name of the data that is here: MNIST, or else the digits of scikit-learn."""
    folder = os.environ.get("CAPSZOO_DATA_DIR")
    return "mnist" if folder and (pathlib.Path(folder) / "mnist.npz").is_file() else "digits"


def main():
    data = choose_data()
    model = capszoo.load(f"capsnet_{data}")
    images, labels = (part[:1000] for part in capszoo.data.load(data, "test"))
    pictures = images[..., 0] / 255
    errors = np.square(model.reconstruct(images)[..., 0] - pictures).sum((1, 2))
    errors = errors / np.square(pictures).sum((1, 2))

    rows, columns = len(SHOWN[data]), 2 + len(CHANGES)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(11.4, 0.89 * rows + 0.85),
        width_ratios=[1, 0.2] + [1] * len(CHANGES),
        facecolor=NIGHT,
    )
    figure.subplots_adjust(
        left=0.1,
        right=0.99,
        top=1 - 0.75 / (0.89 * rows + 0.85),
        bottom=0.02,
        wspace=0,
        hspace=0.06,
    )
    for row, (digit, (number, meaning)) in zip(axes, SHOWN[data].items(), strict=True):
        # Of this digit's images the one that the decoder knows best.
        index = np.where(labels == digit, errors, np.inf).argmin()
        changed = capszoo.visualization.change_pose(model, images[index], digit, CHANGES)
        decoded = changed[number, ..., 0]
        for axis in row:
            axis.axis("off")
        for axis, picture in zip([row[0], *row[2:]], [pictures[index], *decoded], strict=True):
            axis.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="bicubic")
        label = {"transform": row[0].transAxes, "ha": "right", "va": "center", "color": CHALK}
        row[0].text(-0.1, 0.5, f"{meaning}\npose[{number}]".strip(), **label)

    for axis, change in zip(axes[0, 2:], CHANGES, strict=True):
        axis.set_title(f"{change:+.2f}", fontsize=10, color=CHALK)
    axes[0, 0].set_title("image", fontsize=10, color=CHALK)
    unchanged = 2 + len(CHANGES) // 2
    axes[0, unchanged].set_title("decoded", fontsize=10, color=AMBER)
    lower, upper = (axes[row, unchanged].get_position() for row in (-1, 0))
    frame = (lower.x0, lower.y0), lower.width, upper.y1 - lower.y0
    figure.add_artist(plt.Rectangle(*frame, fill=False, edgecolor=AMBER))
    heading = f"capsnet_{data}: one of the 16 numbers of a digit's capsule, changed by"
    place = {"ha": "center", "va": "bottom", "color": CHALK, "fontsize": 12}
    figure.text(
        lower.x0 + lower.width / 2, upper.y1 + 0.35 / figure.get_figheight(), heading, **place
    )
    figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "perturb_pose.png", dpi=110)


if __name__ == "__main__":
    main()
