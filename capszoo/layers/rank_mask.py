"""Masks all capsules but the few that their children give most: what makes a code sparse."""

import keras
from keras import ops

from capszoo.ops import change_boost
from capszoo.ops import rank_mask
from capszoo.ops import ranks
from capszoo.ops import strongest_coupling
from capszoo.ops.ranks import READINGS
from capszoo.validation import check_choice
from capszoo.validation import check_number
from capszoo.validation import check_positive_int

# Of the running mean of how often each capsule is first.
_MOMENTUM = 0.99


@keras.saving.register_keras_serializable(package="capszoo")
class RankMask(keras.layers.Layer):
    """Leaves of each capsule the less, the more others its children give more.

        rho[j]  = boost[j] * sum over positions of max over types of c[(position, type), j]
        r[j]    = how many capsules have a greater rho
        mask[j] = exp(-decay * r[j] / (capsules - 1)), zero below 0.01

    and poses are multiplied by the mask; no gradient flows through the ranks. In training the layer
    counts how often each capsule is first, a running mean that the first batch begins, and every
    `boost_every` steps the `boost` of those that are seldom first rises and that of those often
    first sinks: none stays unused. Boost, frequency and the number of steps are weights that are
    not trained; they are saved with the others, and a training that goes on goes on with them.

    Args:
        child_types: How many types of children there are at each position.
        decay: How fast little is left of later ranks; 0 leaves all capsules as they are.
            Defaults to `12.0`.
        reading: `"positions"`, or `"authors"` as the children are taken in the paper's code; see
            `capszoo.ops.strongest_coupling`. Defaults to `"positions"`.
        boost_every: After how many steps boosts change. Defaults to `50`.
        rare: A capsule first less often than this is boosted. Defaults to `0.03`.
        frequent: A capsule first more often than this is boosted less. Defaults to `0.12`.
        boost_step: By how much a boost changes. Defaults to `0.1`.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call arguments:
        poses: Tensor of shape `(batch, capsules, pose_dim)`.
        coupling: Their coupling with the children, `(batch, capsules, positions * child_types)`,
            children position by position.
        training: Whether to count. Defaults to `None`, as the model around it.

    Input shape:
        `(batch, capsules, pose_dim)` and `(batch, capsules, children)`.

    Output shape:
        The masked poses `(batch, capsules, pose_dim)` and the mask `(batch, capsules)`.

    Raises:
        ValueError: If an argument is not as said above, or the children are not as many of each
            type.

    Example:

    >>> poses = np.ones((1, 3, 2), "float32")
    >>> coupling = np.array([[[0.2, 0.1], [0.7, 0.5], [0.1, 0.4]]], "float32")
    >>> masked, mask = capszoo.layers.RankMask(child_types=2, decay=2.0)(poses, coupling)
    >>> keras.ops.convert_to_numpy(mask).astype("float64").round(3)[0].tolist()
    [0.135, 1.0, 0.368]

    Reference:

    - [Rawlinson, Ahmed, Kowadlo, 2018](https://arxiv.org/abs/1804.06094)
    """

    def __init__(
        self,
        child_types,
        decay=12.0,
        reading="positions",
        boost_every=50,
        rare=0.03,
        frequent=0.12,
        boost_step=0.1,
        **kwargs,
    ):
        child_types = check_positive_int("child_types", child_types)
        check_number("decay", decay, 0)
        check_choice("reading", reading, READINGS)
        boost_every = check_positive_int("boost_every", boost_every)
        for name, value in (("rare", rare), ("frequent", frequent), ("boost_step", boost_step)):
            check_number(name, value, 0)
        super().__init__(**kwargs)
        self.child_types = child_types
        self.decay = decay
        self.reading = reading
        self.boost_every = boost_every
        self.rare = rare
        self.frequent = frequent
        self.boost_step = boost_step

    def build(self, poses_shape, coupling_shape=None):
        if coupling_shape is not None and coupling_shape[-1] % self.child_types:
            raise ValueError(
                f"Layer '{self.name}' expects as many children of each of {self.child_types} "
                f"types. Received: {coupling_shape[-1]} children"
            )

        def state(name, initializer, shape, dtype="float32"):
            return self.add_weight(
                shape=shape,
                initializer=initializer,
                dtype=dtype,
                trainable=False,
                autocast=False,
                # Devices that share a batch have the mean of what each of them counted.
                aggregation="mean" if dtype == "float32" else "only_first_replica",
                name=name,
            )

        capsules = (poses_shape[-2],)
        self.boost = state("boost", "ones", capsules)
        self.frequency = state("frequency", "zeros", capsules)
        self.steps = state("steps", "zeros", (), "int32")

    def call(self, poses, coupling, training=None):
        given = strongest_coupling(coupling, self.child_types, self.reading)
        rank = ranks(given * ops.convert_to_tensor(self.boost))
        mask = rank_mask(rank, self.decay)
        if training and self.trainable:
            self._count(ops.mean(ops.cast(rank == 0, "float32"), axis=0))
        masked = poses * ops.cast(ops.expand_dims(mask, -1), poses.dtype)
        return masked, mask

    def _count(self, share):
        """Counts a step, in which capsules were first in these shares of the batch."""
        # Inside a compiled step of JAX a variable is no array.
        boost, frequency, steps = map(
            ops.convert_to_tensor, (self.boost, self.frequency, self.steps)
        )
        mean = _MOMENTUM * frequency + (1 - _MOMENTUM) * share
        frequency = ops.where(ops.equal(steps, 0), share, mean)
        steps = steps + 1
        changed = change_boost(boost, frequency, self.rare, self.frequent, self.boost_step)
        due = ops.equal(steps % self.boost_every, 0)
        self.boost.assign(ops.where(due, changed, boost))
        self.frequency.assign(frequency)
        self.steps.assign(steps)

    def compute_output_shape(self, poses_shape, coupling_shape=None):
        return tuple(poses_shape), tuple(poses_shape[:-1])

    def compute_output_spec(self, poses, coupling, training=None):
        return (
            keras.KerasTensor(poses.shape, dtype=self.compute_dtype),
            keras.KerasTensor(poses.shape[:-1], dtype="float32"),
        )

    def get_config(self):
        return {
            **super().get_config(),
            "child_types": self.child_types,
            "decay": self.decay,
            "reading": self.reading,
            "boost_every": self.boost_every,
            "rare": self.rare,
            "frequent": self.frequent,
            "boost_step": self.boost_step,
        }
