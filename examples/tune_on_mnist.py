"""Two families under the same budget on 3,000 images of MNIST: CapsNet and Efficient-CapsNet.

    CAPSZOO_DATA_DIR=folder python examples/tune_on_mnist.py     # the folder holds mnist.npz
    python examples/tune_on_mnist.py --trials 2 --epochs 1       # to see it work

Measured with seed 0 on TensorFlow, 14 minutes of one CPU core:

| family | parameters | best trial, validation | trained again, test |
|---|---|---|---|
| capsnet | 1,477,824 | 95.80 % | 96.21 % |
| efficient_capsnet | 153,424 | 98.50 % | 98.24 % |

Both families get the same 3,000 training and 334 validation images, as many trials and epochs, and
the same limit of parameters. The 10,000 test images are touched once, at the end.
"""

import argparse
import pathlib

import numpy as np

import capszoo

# What both are searched for alike, and for each the sizes that the budget allows.
COMMON = {"decoder": False, "optimizer": "Adam", "batch_size": {"values": [16, 32], "default": 32}}
FAMILIES = {
    "capsnet": {
        "conv_filters": {"values": [32, 64], "default": 64},
        "primary_types": {"values": [8, 16], "default": 16},
        "primary_strides": 2,
    },
    "efficient_capsnet": {
        "conv_layers": 4,
        "conv_width": {"values": [16, 32], "default": 32},
    },
}


def write_subset(path):
    """Writes 3,334 training images, of which a tenth will be held out, and the test images."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images, labels = capszoo.data.load("mnist", "train")
    test_images, test_labels = capszoo.data.load("mnist", "test")
    chosen = np.random.default_rng(0).permutation(len(images))[:3334]
    np.savez(
        path,
        x_train=images[chosen],
        y_train=labels[chosen],
        x_test=test_images,
        y_test=test_labels,
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path("runs/tune_on_mnist"))
    asked = parser.parse_args()
    subset = asked.output / "mnist_3000.npz"
    write_subset(subset)
    rows = []
    for family, sizes in FAMILIES.items():
        report = capszoo.tuning.search(
            family,
            str(subset),
            tuner="random",
            trials=asked.trials,
            epochs=asked.epochs,
            overrides={**COMMON, **sizes},
            max_parameters=2_000_000,
            output=asked.output / family,
            progress=print,
        )
        trained = capszoo.training.train(
            report["best"], output=asked.output / f"{family}_best", verbose=0
        )
        rows.append((family, report["trials"][0]["metrics"], trained))
    print("| family | parameters | best trial, validation | trained again, test |")
    print("|---|---|---|---|")
    for family, metrics, trained in rows:
        accuracies = (metrics["val_accuracy"], trained["test_accuracy"])
        cells = " | ".join(f"{100 * accuracy:.2f} %" for accuracy in accuracies)
        print(f"| {family} | {trained['parameters']:,} | {cells} |")


if __name__ == "__main__":
    main()
