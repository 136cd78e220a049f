"""How well the votes of objects explain parts, and which object explains which."""

import keras
from keras import ops

from capszoo.ops import part_likelihood


@keras.saving.register_keras_serializable(package="capszoo")
class PartExplanation(keras.layers.Layer):
    """Computes the likelihood of parts under the votes of objects, and each object's share in it.

    See `capszoo.ops.part_likelihood`. No gradient flows back to the parts: objects learn to
    explain them, and not they to be explained.

    Call arguments:
        places: The parts' places, `(batch, parts, 2, 3)`.
        votes: What objects vote that these are, `(batch, objects, parts, 6)`.
        deviations: How far they may be away, `(batch, objects, parts)`.
        presence: How present objects are, `(batch, objects)`.
        in_objects: How present a part is in each, `(batch, objects, parts)`.

    Output shape:
        The logarithm of the density of each part `(batch, parts)` and the shares
        `(batch, objects, parts)`, in float32.

    Example:

    >>> places, votes = np.zeros((1, 3, 2, 3), "float32"), np.zeros((1, 4, 3, 6), "float32")
    >>> shares = np.ones((1, 4, 3), "float32")
    >>> explain = capszoo.layers.PartExplanation()
    >>> density, posterior = explain(places, votes, shares, shares[..., 0], shares)
    >>> tuple(density.shape), tuple(posterior.shape)
    ((1, 3), (1, 4, 3))

    Reference:

    - [Kosiorek et al., 2019](https://arxiv.org/abs/1906.06818)
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.built = True

    def call(self, places, votes, deviations, presence, in_objects):
        parts = ops.reshape(ops.stop_gradient(places), (-1, votes.shape[2], 6))
        vote_presence = ops.expand_dims(presence, -1) * in_objects
        return part_likelihood(parts, votes, deviations, vote_presence)

    def compute_output_spec(self, places, votes, deviations, presence, in_objects):
        batch, objects, parts = votes.shape[:3]
        return (
            keras.KerasTensor((batch, parts), dtype="float32"),
            keras.KerasTensor((batch, objects, parts), dtype="float32"),
        )
