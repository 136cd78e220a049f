"""Parts of faces that nobody named: do they lie at the same place in faces of other persons?

    python examples/face_parts.py                  # the preset face_parts_capsnet_olivetti
    python examples/face_parts.py runs/mine --output parts.png  # a run folder, and the picture

Needs `olivetti` in CAPSZOO_DATA_DIR; a minute of one core. The 80 test faces are of eight persons
not seen in training. Each pixel is of the part that has most of it; three figures are taken, and
those of the cells of a fixed grid, as many, stand beside them:

- overlap: the intersection over union of a part in two faces of different persons, the mean of all
  such pairs, then of the parts. A fixed grid has 1, as it takes no notice of any face: parts that
  follow faces are below it.
- moved: the same of a face and the face moved by four pixels, the parts moved back, what came in at
  the edge left out. Parts that follow a face stay at 1; a grid does not move with it.
- explained: how much of what differs within faces is explained by one grey for each part.

| cut up by | overlap | moved | explained |
|---|---|---|---|
| 6 parts | 0.524 | 0.710 | 15.2% |
| 6 cells | 1.000 | 0.744 | 25.3% |
| 16 subparts | 0.371 | 0.591 | 64.7% |
| 16 cells | 1.000 | 0.542 | 36.8% |
"""

import argparse

import numpy as np

import capszoo
from capszoo.data.images import resize_images
from capszoo.metrics import explained_by_parts
from capszoo.metrics import grid_labels
from capszoo.metrics import part_overlap

FURTHEST = 4


def moved(images, down, right):
    """Moves pictures or label maps; what comes in is what stood at the edge."""
    far = FURTHEST
    rest = [(0, 0)] * (images.ndim - 3)
    padded = np.pad(images, [(0, 0), (far, far), (far, far), *rest], mode="edge")
    height, width = images.shape[1:3]
    return padded[:, far - down : far - down + height, far - right : far - right + width]


def overlap_of_moved(label, images, parts):
    """The mean overlap of the parts of pictures with those of the same pictures, moved.

    Args:
        label: Function of pictures that gives their label maps.
        images: Array `(n, height, width, channels)`.
        parts: How many parts there are.

    Returns:
        The mean of four directions, of all parts and pictures.
    """
    found, before = [], label(images)
    inner = (slice(None), *[slice(FURTHEST, -FURTHEST)] * 2)
    for down, right in ((FURTHEST, 0), (-FURTHEST, 0), (0, FURTHEST), (0, -FURTHEST)):
        after = moved(label(moved(images, down, right)), -down, -right)
        for one, other in zip(before[inner], after[inner], strict=True):
            found.append(np.nanmean(part_overlap(np.stack([one, other]), parts)))
    return float(np.mean(found))


def figures_of(label, images, persons, parts):
    """The three figures of one way to cut pictures up."""
    labels = label(images)
    return (
        float(np.nanmean(part_overlap(labels, parts, persons))),
        overlap_of_moved(label, images, parts),
        explained_by_parts(images, labels, parts),
    )


def main(preset="face_parts_capsnet_olivetti", output=None):
    """Prints a table; draws ten faces of all test persons if there is a file for it."""
    model = capszoo.load(preset, prepared=True)
    images, persons = capszoo.data.load("olivetti", "test")
    # All figures are of the pixels that the network sees.
    images = resize_images(images, *model.example_shape[:2])
    print("| cut up by | overlap | moved | explained |\n|---|---|---|---|")
    for name, parts_of, count in (
        ("parts", model.parts, model.num_parts),
        ("subparts", model.subparts, model.num_subparts),
    ):
        grid = grid_labels(images.shape[1:3], count)
        for what, label in (
            (f"{count} {name}", lambda x, parts_of=parts_of: parts_of(x).masks.argmax(axis=1)),
            (f"{count} cells", lambda x, grid=grid: np.stack([grid] * len(x))),
        ):
            found = figures_of(label, images, persons, count)
            print(f"| {what} | {found[0]:.3f} | {found[1]:.3f} | {found[2]:.1%} |", flush=True)
    if output:
        # One of each person, and two more of the first ones with another look.
        chosen = [*range(0, 80, 10), 5, 15]
        figure = capszoo.visualization.draw_part_masks(model, images[chosen])
        figure.savefig(output, bbox_inches="tight")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("preset", nargs="?", default="face_parts_capsnet_olivetti")
    parser.add_argument("--output")
    main(**vars(parser.parse_args()))
