"""Codes learnt without labels on moved digits, and what they say of digits that are deformed.

    python examples/sparse_codes.py                        # the preset sparse_capsnet_mnist
    python examples/sparse_codes.py runs/sparse runs/dense # run folders, such as of a control

The protocol of "Sparse Unsupervised Capsules Generalize Better": a support vector machine (Gaussian
kernel, C = 100, gamma = 0.1) learns the classes of codes of training digits, which are only moved,
and is asked for those of other moved digits and of deformed ones, the test digits of
`affine_mnist`. Training digits are moved once more, at random by up to four pixels, as in the
recipe of the networks: on to the edges, where deformed ones may stand. Needs `mnist` in
CAPSZOO_DATA_DIR; a few minutes of one core for each network.

| codes of | moved | deformed |
|---|---|---|
| sparse_capsnet_mnist | 91.8% | 66.8% |

The control without a mask, sparse_capsnet_mnist_dense, had 90.3% and 64.8% after four of its eight
epochs; it is not trained to the end yet.
"""

import sys

import numpy as np
from sklearn.svm import SVC

import capszoo

# Training and test digits.
COUNTS = 10_000, 5_000
FURTHEST = 4


def moved(images, seed=0):
    """Moves each picture at random by up to four pixels; what comes in is black."""
    random, far = np.random.default_rng(seed), FURTHEST
    padded = np.pad(images, [(0, 0), (far, far), (far, far), (0, 0)])
    height, width = images.shape[1:3]
    starts = random.integers(2 * far + 1, size=(len(images), 2))
    return np.stack(
        [one[y : y + height, x : x + width] for one, (y, x) in zip(padded, starts, strict=True)]
    )


def accuracies(code, train, moved_digits, deformed):
    """Fits the machine to codes of training digits; its accuracies on the two others.

    Args:
        code: Function of pictures that gives their codes, a row each.
        train: Pair of pictures and labels.
        moved_digits: Such a pair.
        deformed: Such a pair.

    Returns:
        Two shares.
    """
    machine = SVC(C=100, gamma=0.1).fit(code(train[0]), train[1])
    return [float(machine.score(code(x), y)) for x, y in (moved_digits, deformed)]


def main(runs=("sparse_capsnet_mnist",), counts=COUNTS):
    """Prints a table of the networks."""
    data = {}
    for split, count in zip(
        ("train", "validation", "test"), (counts[0], *[counts[1]] * 2), strict=True
    ):
        images, labels = capszoo.data.load("affine_mnist", split)
        data[split] = images[:count], labels[:count]
    train = moved(data["train"][0]), data["train"][1]
    print(
        f"{len(train[0])} training digits, {len(data['validation'][0])} moved, {counts[1]} deformed"
    )
    print("| codes | moved | deformed |\n|---|---|---|")
    for run in runs:
        model = capszoo.load(run)
        found = accuracies(
            lambda x, model=model: model.codes(x, batch_size=256),
            train,
            data["validation"],
            data["test"],
        )
        print(f"| {run} | {found[0]:.1%} | {found[1]:.1%} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or ("sparse_capsnet_mnist",))
