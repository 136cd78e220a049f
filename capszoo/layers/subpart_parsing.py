"""Part capsules that say which subparts are theirs, and where these must then be."""

import keras
from keras import ops

from capszoo.kinds import check_positive
from capszoo.layers.subpart_capsules import placed
from capszoo.layers.subpart_capsules import spread_out
from capszoo.ops import log_normal
from capszoo.ops import widen
from capszoo.validation import check_positive_int

# How far from its home a part may be, and how many numbers it computes of its description: two of
# its middle and two of its scale.
_FURTHEST = 0.5
_NUMBERS = 4
# Keeps a part to which nothing belongs from dividing by zero.
_SMALLEST = 1e-16


@keras.saving.register_keras_serializable(package="capszoo")
class SubpartParsing(keras.layers.Layer):
    """Explains where subparts are by votes of fewer parts, each of which holds some of them.

    A part `k` computes from its description where it is, around a learnt home, and its scale; of
    each subpart `n` it knows, learnt and the same in all pictures, where it lies within the part.
    That is its vote for the middle of the subpart, `x[n]`, which is explained by one of the parts,
    the nearer ones first:

        vote[k, n] = middle[k] + scale[k] at[k, n]
        belongs[k, n] = softmax over parts of m[k, n] - |at[k, n]|^2 / (2 reach^2)
        log p(x[n]) = log sum_k belongs[k, n] Normal(x[n]; vote[k, n], deviation)

    with a learnt `m`: to which part a subpart belongs is learnt from all pictures, so that a part
    is the same in each. A part is present as far as its subparts are. No gradient flows back to the
    places: parts learn to explain them, and not they to be explained.

    Args:
        num_subparts: How many subparts there are.
        deviation: How far a subpart may be from its vote, on a picture of side 2. Defaults to
            `0.1`.
        reach: How far from a part its subparts may lie. Defaults to `0.3`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        described: Descriptions of the parts, `(batch, parts, size)`.
        places: Affine maps of the subparts, `(batch, subparts, 2, 3)`.
        presence: How present each is, `(batch, subparts)`.

    Output shape:
        Places of the parts, affine maps `(batch, parts, 2, 3)`; their presence `(batch, parts)`;
        the logarithm of the density of each subpart's middle `(batch, subparts)`; and to which part
        it belongs, `(batch, parts, subparts)`, which sums to 1 over the parts and is the same in
        all pictures. All are float32.

    Raises:
        ValueError: If a size is not positive, or the descriptions are not of three axes.

    Example:

    >>> described = np.random.normal(size=(2, 3, 8)).astype("float32")
    >>> places = np.tile(np.eye(2, 3, dtype="float32"), (2, 5, 1, 1))
    >>> parsing = capszoo.layers.SubpartParsing(num_subparts=5)
    >>> found = parsing(described, places, np.ones((2, 5), "float32"))
    >>> [tuple(one.shape) for one in found]
    [(2, 3, 2, 3), (2, 3), (2, 5), (2, 3, 5)]

    Reference:

    - [Yu et al., 2022](https://arxiv.org/abs/2203.10699), after its abstract
    - [Kosiorek et al., 2019](https://arxiv.org/abs/1906.06818), the votes
    """

    def __init__(self, num_subparts, deviation=0.1, reach=0.3, **kwargs):
        num_subparts = check_positive_int("num_subparts", num_subparts)
        check_positive("deviation", deviation)
        check_positive("reach", reach)
        super().__init__(**kwargs)
        self.num_subparts = num_subparts
        self.deviation = deviation
        self.reach = reach
        self.numbers = keras.layers.Dense(_NUMBERS, dtype=self.dtype_policy, name="numbers")

    def build(self, described_shape, places_shape=None, presence_shape=None):
        if len(described_shape) != 3 or None in described_shape[1:]:
            raise ValueError(
                f"Layer '{self.name}' expects descriptions of shape (batch, parts, size), with all "
                f"sizes but the batch known. Received: input shape {tuple(described_shape)}"
            )
        parts = described_shape[1]
        self.numbers.build(described_shape)
        self.homes = self.add_weight(shape=(parts, 2), initializer=spread_out, name="homes")
        self.at = self.add_weight(
            shape=(parts, self.num_subparts, 2), initializer=_from_homes, name="at"
        )
        self.membership = self.add_weight(
            shape=(parts, self.num_subparts), initializer="zeros", name="membership"
        )

    def call(self, described, places, presence):
        numbers = widen(self.numbers(described))
        homes, at, membership = (
            widen(ops.convert_to_tensor(one)) for one in (self.homes, self.at, self.membership)
        )
        middles = homes + _FURTHEST * ops.tanh(numbers[..., :2])
        scales = 2 ** ops.tanh(numbers[..., 2:])
        votes = middles[:, :, None] + scales[:, :, None] * at
        given = ops.expand_dims(widen(ops.stop_gradient(places))[..., 2], 1)
        deviation = ops.convert_to_tensor(self.deviation, "float32")
        density = ops.sum(log_normal(given, votes, deviation), axis=-1)
        away = ops.sum(ops.square(at), axis=-1)
        shares = ops.log_softmax(membership - away / (2 * self.reach**2), axis=0)
        density = ops.logsumexp(shares + density, axis=1)
        belongs = ops.exp(shares)
        of_parts = belongs / ops.maximum(ops.sum(belongs, axis=1, keepdims=True), _SMALLEST)
        presence = ops.matmul(widen(presence), ops.transpose(of_parts))
        size = (ops.shape(presence)[0], *belongs.shape)
        return placed(middles, scales), presence, density, ops.broadcast_to(belongs, size)

    def compute_output_spec(self, described, places, presence):
        shapes = self.compute_output_shape(described.shape)
        return tuple(keras.KerasTensor(shape, dtype="float32") for shape in shapes)

    def compute_output_shape(self, described_shape, places_shape=None, presence_shape=None):
        parts = tuple(described_shape[:2])
        subparts = (described_shape[0], self.num_subparts)
        return (*parts, 2, 3), parts, subparts, (*parts, self.num_subparts)

    def get_config(self):
        return {
            **super().get_config(),
            "num_subparts": self.num_subparts,
            "deviation": self.deviation,
            "reach": self.reach,
        }


def _from_homes(shape, dtype=None):
    """Where subparts lie as seen from parts, both where they begin."""
    parts, subparts, _ = shape
    return spread_out((subparts, 2), dtype) - spread_out((parts, 2), dtype)[:, None]
