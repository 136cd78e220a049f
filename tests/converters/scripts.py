"""Networks as scripts of CapsNet write them in plain Keras, to be saved and converted."""

import keras
from keras import ops

# The order of the axes of the transforms, and how votes are made of poses with them.
VOTES = {
    "jidc": "bic,jidc->bjid",
    "ijcd": "bic,ijcd->bjid",
    "ijdc": "bic,ijdc->bjid",
    "jicd": "bic,jicd->bjid",
}


def _squash(x):
    squared = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return squared / (1 + squared) / ops.sqrt(squared + 1e-7) * x


@keras.saving.register_keras_serializable(package="scripts")
class Squash(keras.layers.Layer):
    def call(self, x):
        return _squash(x)


@keras.saving.register_keras_serializable(package="scripts")
class PrimaryCap(keras.layers.Layer):
    """Primary capsules that hide their convolution from the model's configuration."""

    def __init__(self, dim, filters, size, strides, padding="valid", **kwargs):
        super().__init__(**kwargs)
        self.dim = dim
        self.conv = keras.layers.Conv2D(filters, size, strides=strides, padding=padding)

    def build(self, shape):
        self.conv.build(shape)

    def call(self, x):
        x = self.conv(x)
        return _squash(
            ops.reshape(x, (-1, x.shape[1] * x.shape[2] * x.shape[3] // self.dim, self.dim))
        )


@keras.saving.register_keras_serializable(package="scripts")
class CapsuleLayer(keras.layers.Layer):
    """Class capsules by dynamic routing, with the transforms under any name and order of axes."""

    def __init__(self, classes, dim, routings=3, axes="jidc", called="W", ones=0, **kwargs):
        super().__init__(**kwargs)
        self.classes, self.dim, self.routings = classes, dim, routings
        self.axes, self.called, self.ones = axes, called, ones

    def build(self, shape):
        sizes = {"j": self.classes, "i": shape[1], "d": self.dim, "c": shape[2]}
        self.transforms = self.add_weight(
            shape=(*[1] * self.ones, *(sizes[axis] for axis in self.axes)),
            initializer=keras.initializers.RandomNormal(stddev=0.5),
            name=self.called,
        )

    def call(self, x):
        kernel = ops.reshape(self.transforms, self.transforms.shape[self.ones :])
        votes = ops.einsum(VOTES[self.axes], x, kernel)
        logits = ops.zeros_like(votes[..., 0])
        for _ in range(self.routings):
            coupling = ops.softmax(logits, axis=1)
            parents = _squash(ops.sum(coupling[..., None] * votes, axis=2))
            logits = logits + ops.sum(votes * parents[:, :, None], axis=-1)
        return parents

    def get_config(self):
        return {
            **super().get_config(),
            "classes": self.classes,
            "dim": self.dim,
            "routings": self.routings,
            "axes": self.axes,
            "called": self.called,
            "ones": self.ones,
        }


@keras.saving.register_keras_serializable(package="scripts")
class Length(keras.layers.Layer):
    def call(self, x):
        return ops.sqrt(ops.sum(ops.square(x), axis=-1) + 1e-7)


def network(
    shape=(12, 12, 1),
    convolutions=((6, 3, 1),),
    primary=(8, 3, 2),
    child_dim=4,
    padding="valid",
    hidden=False,
    pooled=False,
    **capsules,
):
    """A network of convolutions (filters, size, strides), and capsules of three classes."""
    inputs = x = keras.Input(shape)
    for filters, size, strides in convolutions:
        x = keras.layers.Conv2D(filters, size, strides=strides, padding=padding, activation="relu")(
            x
        )
    if pooled:
        x = keras.layers.MaxPooling2D()(x)
    filters, size, strides = primary
    if hidden:
        x = PrimaryCap(child_dim, filters, size, strides, padding)(x)
    else:
        x = keras.layers.Conv2D(filters, size, strides=strides, padding=padding)(x)
        x = Squash()(keras.layers.Reshape((-1, child_dim))(x))
    capsules = {"classes": 3, "dim": 5, **capsules}
    return keras.Model(inputs, Length()(CapsuleLayer(**capsules)(x)))
