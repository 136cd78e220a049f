"""Recommending: several interests of a user beside the mean of what a user took.

The histories are made by a rule with planted interests: nobody did it, and nothing here says
anything about people. The mean goes through a dense layer and is compared with all items, as the
interests are; both networks have vectors of eight numbers and are trained alike.

    python examples/interests.py                # about three minutes on a CPU core

Measured on PyTorch, per cent of 2,000 test histories:

| network | parameters | recall at 20, seed by seed | mean |
|---|---|---|---|
| mean pooling | 4,064 | 22.9, 17.0, 18.2 | 19.4 |
| interests | 4,144 | 48.4, 62.5, 55.2 | 55.4 |

Eight numbers are few for 500 items: counting which items were taken together, 250,000 numbers,
and ranking by the sum of their cosines finds 81.4 %.
"""

import keras
import numpy as np
from keras import ops

import capszoo

DIM, EPOCHS, BATCH_SIZE, RATE = 8, 20, 256, 0.02  # as in the preset
SEEDS = (0, 1, 2)


class Mean(keras.layers.Layer):
    """The mean of the vectors that are there, as one interest."""

    def call(self, vectors, items):
        there = ops.cast(ops.expand_dims(items, -1) >= 0, vectors.dtype)
        total = ops.sum(vectors * there, axis=1, keepdims=True)
        return total / ops.sum(there, axis=1, keepdims=True)


def mean_pooling(length, items):
    """The control: no capsules, one vector of a user."""
    history = keras.Input((length,), dtype="int32")
    embedding = capszoo.layers.ItemEmbedding(items, DIM)
    taste = keras.layers.Dense(DIM, use_bias=False)(Mean()(embedding(history), history))
    return keras.Model(history, embedding(taste, score=True)[:, 0])


def interests(length, items):
    return capszoo.models.InterestCapsNet((length, items), items, pose_dim=DIM)


def recall(model, train, validation, test):
    """Trains, goes back to the best epoch by validation, and measures once on the test."""
    steps = EPOCHS * -(-len(train[0]) // BATCH_SIZE)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(RATE, steps)),
        capszoo.losses.SoftmaxCrossentropy(),
        metrics=[capszoo.metrics.RecallAtK(20)],
    )
    best = keras.callbacks.ModelCheckpoint(
        "best.weights.h5",
        "val_recall_at_20",
        mode="max",
        save_best_only=True,
        save_weights_only=True,
    )
    model.fit(*train, BATCH_SIZE, EPOCHS, 0, callbacks=[best], validation_data=validation)
    model.load_weights("best.weights.h5")
    return model.evaluate(*test, verbose=0, return_dict=True)["recall_at_20"]


def main(seeds=SEEDS):
    splits = [
        capszoo.data.load("generated_histories", split) for split in ("train", "validation", "test")
    ]
    length, items = capszoo.data.example_shape("generated_histories", kind="histories")
    print("| network | parameters | recall at 20, seed by seed | mean |")
    print("|---|---|---|---|")
    for name, make in (
        ("mean pooling", lambda: mean_pooling(length, items)),
        ("interests", lambda: interests(length, items)),
    ):
        found = []
        for seed in seeds:
            keras.utils.set_random_seed(seed)
            model = make()
            found.append(100 * recall(model, *splits))
        each = ", ".join(f"{one:.1f}" for one in found)
        print(f"| {name} | {model.count_params():,} | {each} | {np.mean(found):.1f} |", flush=True)


if __name__ == "__main__":
    main()
