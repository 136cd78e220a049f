"""Plain against residual stacks of 2, 4, 8 and 16 capsule layers, on 4,000 images of MNIST.

    python examples/depth.py                    # about SECONDS on 2 CPU cores

RESULT
"""

import keras

import capszoo

DEPTHS = (2, 4, 8, 16)
MODES = {"plain": None, "identity": "identity", "paper": "paper"}


def measure(depth, mode):
    """Accuracy on 2,000 validation images after training on 4,000."""
    keras.utils.set_random_seed(0)
    images, labels = capszoo.data.load("mnist", "train")
    validation_images, validation_labels = capszoo.data.load("mnist", "validation")
    model = capszoo.models.ResidualCapsNet(
        image_shape=(28, 28, 1),
        depth=depth,
        num_capsules=16,
        conv_filters=32,
        conv_kernel_size=7,
        conv_strides=2,
        primary_types=8,
        mode=mode,
        decoder=None,
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-3))
    model.fit(images[:4000], labels[:4000], batch_size=64, epochs=4, verbose=0)
    return model.evaluate(
        validation_images[:2000], validation_labels[:2000], verbose=0, return_dict=True
    )["accuracy"]


def main():
    print("| capsule layers | " + " | ".join(MODES) + " |")
    print("|---|" + "---|" * len(MODES))
    for depth in DEPTHS:
        cells = [f"{100 * measure(depth, mode):.1f} %" for mode in MODES.values()]
        print(f"| {depth} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
