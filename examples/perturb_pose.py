"""What the numbers of a class capsule mean: change one at a time and decode.

pip install ".[jax,plots]"
python examples/perturb_pose.py             # a few seconds; writes perturb_pose.png beside it
"""

import pathlib

import keras
import matplotlib
import numpy as np

import capszoo

matplotlib.use("Agg")
import matplotlib.pyplot as plt

DIGITS = (2, 3, 5, 8)
CHANGES = np.linspace(-0.25, 0.25, 9)


def main():
    model = capszoo.load("capsnet_digits")
    images, labels = capszoo.data.load("digits", "test")
    poses = model.encode(images)

    rows = []
    for digit in DIGITS:
        right = (labels == digit) & (model.predict(images, verbose=0).argmax(-1) == digit)
        index = np.flatnonzero(right)[0]
        # The number that differs most among this digit's images: the one that says most.
        number = poses[right][:, digit].std(axis=0).argmax()
        changed = np.zeros((len(CHANGES), *poses.shape[1:]), "float32")
        changed[:, digit] = poses[index, digit]
        changed[:, digit, number] += CHANGES
        decoded = keras.ops.convert_to_numpy(model.decoder(changed))
        rows.append((images[index], decoded, number))

    figure, axes = plt.subplots(len(rows), len(CHANGES) + 1, figsize=(10, 4.3))
    for row, (own_axes, (image, decoded, number)) in enumerate(zip(axes, rows, strict=True)):
        pictures = [image / 255.0, *decoded]
        titles = ["image", *[f"{change:+.2f}" for change in CHANGES]]
        for axis, picture, title in zip(own_axes, pictures, titles, strict=True):
            axis.imshow(picture[..., 0], cmap="gray", vmin=0, vmax=1)
            axis.set_xticks([])
            axis.set_yticks([])
            if row == 0:
                axis.set_title(title, fontsize=9)
        own_axes[1].set_ylabel(f"number {number}", fontsize=9)
    figure.tight_layout(pad=0.4)
    figure.savefig(pathlib.Path(__file__).with_suffix(".png"), dpi=110)


if __name__ == "__main__":
    main()
