"""A capsule network without bias cannot tell x from -x; with bias it can.

Without bias every layer is odd: the poses of -x are those of x turned round, of the same length,
and so are the scores. The task: is a number positive?

    python examples/sign.py                     # under a minute on 2 CPU cores

Measured on JAX:

| hidden capsule layers | without bias | with bias |
|---|---|---|
| 1 | 48.1 % | 99.2 % |
| 2 | 46.8 % | 98.8 % |
| 3 | 46.8 % | 100.0 % |

Reference: Peer, Stabinger, Rodriguez-Sanchez, 2019, https://arxiv.org/abs/1905.08744
"""

import keras
import numpy as np

import capszoo


def accuracy(use_bias, hidden_layers):
    """Trains on 4,096 numbers between -1 and 1, and tests on 1,024 others."""
    keras.utils.set_random_seed(0)
    numbers = np.random.default_rng(0).uniform(-1, 1, size=(5120, 1, 1)).astype("float32")
    positive = (numbers[:, 0, 0] > 0).astype("int64")
    routing = {"name": "dynamic", "iterations": 2, "use_bias": use_bias}
    model = keras.Sequential(
        [keras.Input((1, 1))]
        + [capszoo.layers.DenseCapsules(10, 10, routing=routing) for _ in range(hidden_layers)]
        + [capszoo.layers.DenseCapsules(2, 10, routing=routing), capszoo.layers.CapsuleLength()]
    )
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=capszoo.losses.MarginLoss(negative_weight=1.0),
        metrics=["accuracy"],
    )
    model.fit(numbers[:4096], positive[:4096], batch_size=64, epochs=10, verbose=0)
    return model.evaluate(numbers[4096:], positive[4096:], verbose=0, return_dict=True)["accuracy"]


def main():
    print("| hidden capsule layers | without bias | with bias |")
    print("|---|---|---|")
    for hidden_layers in (1, 2, 3):
        without, with_bias = (accuracy(bias, hidden_layers) for bias in (False, True))
        print(f"| {hidden_layers} | {100 * without:.1f} % | {100 * with_bias:.1f} % |", flush=True)


if __name__ == "__main__":
    main()
