"""A set transformer: from a set of parts to a few objects, whatever the order of the parts."""

import keras
from keras import ops

from capszoo.validation import check_positive_int


@keras.saving.register_keras_serializable(package="capszoo")
class ObjectEncoder(keras.layers.Layer):
    """Describes the objects that parts may belong to, by attention of the parts to each other.

    A part is told by its place, how absent it is, its special features and a vector of its own,
    learnt: what stands, in the paper, for its template, which is the same in every picture. Parts
    attend to each other in some layers (attention and two dense layers, each added to what it was
    given and normalized), and each object, a learnt query, attends to all of them. No gradient
    flows back through places and presence.

    Args:
        num_objects: How many objects there are.
        object_dim: How many numbers describe each. Defaults to `64`.
        layers: How many layers of attention there are. Defaults to `3`.
        dim: Size of a part within them. Defaults to `16`.
        heads: Heads of the attention. Defaults to `1`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        places: Affine maps `(batch, parts, 2, 3)`.
        presence: How present each part is, `(batch, parts)`.
        features: Its special features, `(batch, parts, feature_dim)`.

    Output shape:
        `(batch, num_objects, object_dim)`.

    Raises:
        ValueError: If a size is not a positive integer.

    Example:

    >>> encoder = capszoo.layers.ObjectEncoder(num_objects=10)
    >>> places, features = np.ones((2, 7, 2, 3), "float32"), np.ones((2, 7, 4), "float32")
    >>> tuple(encoder(places, np.ones((2, 7), "float32"), features).shape)
    (2, 10, 64)

    Reference:

    - [Kosiorek et al., 2019](https://arxiv.org/abs/1906.06818)
    - [Lee et al., 2019](https://arxiv.org/abs/1810.00825)
    """

    def __init__(self, num_objects, object_dim=64, layers=3, dim=16, heads=1, **kwargs):
        num_objects = check_positive_int("num_objects", num_objects)
        object_dim = check_positive_int("object_dim", object_dim)
        layers = check_positive_int("layers", layers)
        dim = check_positive_int("dim", dim)
        heads = check_positive_int("heads", heads)
        super().__init__(**kwargs)
        self.num_objects = num_objects
        self.object_dim = object_dim
        self.layers = layers
        self.dim = dim
        self.heads = heads

        def attention(name):
            return keras.layers.MultiHeadAttention(
                heads, max(dim // heads, 1), dtype=self.dtype_policy, name=name
            )

        def dense(units, name, activation=None):
            return keras.layers.Dense(
                units, activation=activation, dtype=self.dtype_policy, name=name
            )

        def normalization(name):
            return keras.layers.LayerNormalization(dtype=self.dtype_policy, name=name)

        self.tokens = dense(dim, "tokens")
        self.blocks = [
            (
                attention(f"attention_{number}"),
                normalization(f"normalization_{number}a"),
                dense(2 * dim, f"hidden_{number}", "relu"),
                dense(dim, f"dense_{number}"),
                normalization(f"normalization_{number}b"),
            )
            for number in range(1, layers + 1)
        ]
        self.pooling = attention("pooling")
        self.objects = dense(object_dim, "objects")

    def build(self, places_shape, presence_shape=None, features_shape=None):
        batch, parts = places_shape[:2]
        self.identities = self.add_weight(
            shape=(parts, self.dim),
            initializer=keras.initializers.TruncatedNormal(stddev=0.5),
            name="identities",
        )
        self.queries = self.add_weight(
            shape=(self.num_objects, self.dim),
            initializer=keras.initializers.TruncatedNormal(stddev=1.0),
            name="queries",
        )
        self.tokens.build((batch, parts, 7 + features_shape[-1]))
        shape = (batch, parts, self.dim)
        for attention, first, hidden, dense, second in self.blocks:
            attention.build(shape, shape)
            first.build(shape)
            hidden.build(shape)
            dense.build((batch, parts, 2 * self.dim))
            second.build(shape)
        of_objects = (batch, self.num_objects, self.dim)
        self.pooling.build(of_objects, shape)
        self.objects.build(of_objects)

    def call(self, places, presence, features):
        parts, dtype = places.shape[1], features.dtype
        places = ops.reshape(ops.cast(ops.stop_gradient(places), dtype), (-1, parts, 6))
        absence = ops.expand_dims(ops.cast(1 - ops.stop_gradient(presence), dtype), -1)
        told = ops.concatenate([places, absence, features], axis=-1)
        x = self.tokens(told) + self.identities
        for attention, first, hidden, dense, second in self.blocks:
            x = first(x + _attend(attention, x, x))
            x = second(x + dense(hidden(x)))
        queries = ops.expand_dims(ops.cast(self.queries, x.dtype), 0)
        queries = ops.broadcast_to(queries, (ops.shape(x)[0], self.num_objects, self.dim))
        return self.objects(queries + _attend(self.pooling, queries, x))

    def compute_output_spec(self, places, presence, features):
        return keras.KerasTensor(self.compute_output_shape(places.shape), dtype=self.compute_dtype)

    def compute_output_shape(self, places_shape, presence_shape=None, features_shape=None):
        return places_shape[0], self.num_objects, self.object_dim

    def get_config(self):
        return {
            **super().get_config(),
            "num_objects": self.num_objects,
            "object_dim": self.object_dim,
            "layers": self.layers,
            "dim": self.dim,
            "heads": self.heads,
        }


def _attend(attention, queries, x):
    # With the shares asked for, Keras computes them itself: JAX's own function for all of it cannot
    # multiply float16 on a CPU.
    return attention(queries, x, return_attention_scores=True)[0]
