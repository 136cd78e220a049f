"""Signals: three rhythms told apart by capsules, beside a plain network of the same size.

The signals are made by a formula in the manner of an electrocardiogram: no recordings, and nothing
here says anything about anybody's heart.

    python examples/rhythms.py                  # about two minutes on 2 CPU cores

Measured on PyTorch, on 1,200 signals:

| network | parameters | accuracy |
|---|---|---|
| signal_capsnet_generated_ecg | 142,096 | 99.3 % |
| the same convolutions, then dense layers | 142,243 | 99.5 % |

Your own signals stand in an `.npz` file, `x_train` of shape (n, length, channels), `y_train`,
`x_test` and `y_test`:

    capszoo train signal_capsnet --data own.npz
    capszoo tune signal_capsnet --data own.npz
"""

import keras

import capszoo

EPOCHS, BATCH_SIZE, RATE = 20, 32, 2e-3  # as in the preset


def control(units=48):
    """The convolutions of the preset, in place of its class capsules a hidden dense layer."""
    convolution = {"activation": "relu", "data_format": "channels_last"}
    return keras.Sequential(
        [
            keras.Input((500, 2)),
            capszoo.layers.SignalStandardization(),
            keras.layers.Conv1D(32, 9, strides=2, **convolution),
            keras.layers.Conv1D(64, 9, strides=2, **convolution),
            keras.layers.Conv1D(64, 9, strides=4, **convolution),
            keras.layers.Flatten(data_format="channels_last"),
            keras.layers.Dense(units, activation="relu"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


def train(model, signals, labels, validation):
    """Trains by the preset's recipe, and goes back to the best epoch by validation."""
    steps = EPOCHS * -(-len(signals) // BATCH_SIZE)
    schedule = keras.optimizers.schedules.CosineDecay(RATE, steps)
    model.compile(
        keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    best = keras.callbacks.ModelCheckpoint(
        "control.weights.h5", "val_accuracy", save_best_only=True, save_weights_only=True
    )
    model.fit(
        signals,
        labels,
        batch_size=BATCH_SIZE,
        epochs=EPOCHS,
        validation_data=validation,
        callbacks=[best],
        verbose=0,
    )
    model.load_weights("control.weights.h5")


def main():
    capsules = capszoo.load("signal_capsnet_generated_ecg")
    signals, labels = capszoo.data.load("generated_ecg", "test")
    keras.utils.set_random_seed(0)
    plain = control()
    train(
        plain, *capszoo.data.load("generated_ecg"), capszoo.data.load("generated_ecg", "validation")
    )
    print("| network | parameters | accuracy |")
    print("|---|---|---|")
    names = ("signal_capsnet_generated_ecg", "the same convolutions, then dense layers")
    for name, model in zip(names, (capsules, plain), strict=True):
        accuracy = model.evaluate(signals, labels, verbose=0, return_dict=True)["accuracy"]
        print(f"| {name} | {model.count_params():,} | {100 * accuracy:.1f} % |")


if __name__ == "__main__":
    main()
