"""InterestCapsNet: what somebody took becomes several interests, and each item fits one best."""

from typing import Literal

import keras
import numpy as np
from keras import ops

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import HistoryShape
from capszoo.kinds import Share
from capszoo.kinds import checked
from capszoo.layers import DenseCapsules
from capszoo.layers import ItemEmbedding
from capszoo.layers import SharedCapsules
from capszoo.losses import SoftmaxCrossentropy
from capszoo.metrics import RecallAtK
from capszoo.models.inputs import HistoryInput
from capszoo.models.kinds import RoutingLike
from capszoo.models.measure import Measure
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier
from capszoo.validation import invalid_value_error

# How many items are shown, of which the one that comes next should be one.
SHOWN = 20
# Less than any score.
_NO_SCORE = -1e9
ROUTINGS = {
    "comirec": {"name": "interest"},
    "mind": {
        "name": "interest",
        "adaptive": True,
        "logits_initializer": {"class_name": "TruncatedNormal", "config": {"stddev": 1.0}},
    },
}


@register_family("interest_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class InterestCapsNet(CapsuleClassifier):
    """A capsule network that recommends: a user has several interests, not one taste.

        items of a history - vectors - interest capsules - dot products with all items, the largest

    The children are the items of a history, the parents a user's interests. A class is an item, and
    its score, no probability but a logit, the dot product of its vector with the interest that fits
    it best. It is judged by the share of histories whose next item is among the 20 with the
    highest scores.

    Of the two variants, ComiRec's has a transform for each place of a history and each interest,
    with couplings that start alike. MIND's has one transform for all, so that its interests differ
    by where their logits start, at random once and for all, and a history of `n` items has no more
    than `log2(n)` of them. Unlike in the papers' code, the loss compares an item with all others
    and not with a sample, each by the interest that fits it best, as it will be when it is asked;
    and MIND's dense layers behind the capsules are left out.

    Args:
        history_shape: `(length, items)`: how many items of a history count, and how many items
            there are. Defaults to `(20, 500)`.
        num_classes: How many items may come next: those with the first numbers. Defaults to `500`.
        num_interests: How many interests a user has at most. Defaults to `4`.
        pose_dim: Size of the vectors of items and interests. Defaults to `32`.
        variant: `"comirec"` or `"mind"`. Defaults to `"mind"`.
        dropout: Share of the numbers of items' vectors left out in training. Defaults to `0.0`.
        routing: How interests are computed: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to `None`, `"interest"` as the variant has it.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier`, without a decoder.

    Input shape:
        A list of sequences of numbers of items; or `(batch, length)`, -1 behind the end.

    Output shape:
        A dictionary: scores `(batch, num_classes)`, poses, which are the interests,
        `(batch, num_interests, pose_dim)`, and coupling `(batch, num_interests, length)`; `predict`
        gives the scores.

    Raises:
        ValueError: If a size is not a positive integer, an option unknown, or there are more
            classes than items.

    Example:

    >>> model = capszoo.models.InterestCapsNet((10, 50), num_classes=50, pose_dim=8)
    >>> model.compile()
    >>> history = model.fit([[3, 7, 31], [4, 8]], [12, 9], verbose=0)
    >>> model.recommend([[3, 7]], count=5).shape
    (1, 5)

    Reference:

    - MIND: [Li et al., 2019](https://arxiv.org/abs/1904.08030)
    - ComiRec: [Cen et al., 2020](https://arxiv.org/abs/2005.09347)
    """

    input_end = HistoryInput
    measures = (
        Measure("recall_at_20", "max", of_examples=True),
        Measure("accuracy", "max", of_examples=True),
    )
    # Scores are logits.
    score_threshold = 0.0

    def __init__(
        self,
        history_shape: HistoryShape = (20, 500),
        num_classes: Count = 500,
        num_interests: Count = 4,
        pose_dim: Count = 32,
        variant: Literal["comirec", "mind"] = "mind",
        dropout: Share = 0.0,
        routing: RoutingLike | None = None,
        **kwargs,
    ):
        _, items = history_shape
        if num_classes > items:
            allowed = f"no more classes than the {items} items there are"
            raise invalid_value_error("num_classes", allowed, num_classes)
        super().__init__(history_shape=history_shape, num_classes=num_classes, **kwargs)
        self.routing = self.get_layer("interests").routing

    def body(self, features, dtype):
        _, items = self.history_shape
        embedding = ItemEmbedding(items, self.pose_dim, dtype=dtype, name="items_as_vectors")
        vectors = embedding(features)
        if self.dropout:
            vectors = keras.layers.Dropout(self.dropout, dtype=dtype, name="dropout")(vectors)
        routing = routings.get(
            ROUTINGS[self.variant] if self.routing is None else self.routing, dtype=dtype
        )
        if routing.explicit_activations:
            raise ValueError(
                "InterestCapsNet needs a routing without explicit activations, such as "
                f"'interest'. Received: {type(routing).__name__}"
            )
        layer, options = (
            DenseCapsules,
            {
                # A vote is as long as the vector it is made of.
                "kernel_initializer": keras.initializers.TruncatedNormal(stddev=self.pose_dim**-0.5)
            },
        )
        if self.variant == "mind":
            vectors = keras.layers.Dense(
                self.pose_dim, use_bias=False, dtype=dtype, name="transform"
            )(vectors)
            layer, options = SharedCapsules, {"transform": None}
        poses, coupling = layer(
            self.num_interests,
            self.pose_dim,
            routing=routing,
            dtype=dtype,
            name="interests",
            **options,
        )(vectors, mask=features >= 0, return_coupling=True)
        # An interest that takes no item, as the history is too short for it, has no say.
        there = ops.max(coupling, axis=-1, keepdims=True) > 0
        scores = ops.where(there, embedding(poses, score=True), _NO_SCORE)
        scores = ops.max(scores, axis=1)
        return scores[:, : self.num_classes], poses, coupling

    def condense(self, answer):
        # A record of every item's score would be most of a preset's file.
        return answer[:, :SHOWN]

    def default_loss(self):
        return SoftmaxCrossentropy()

    def default_metrics(self):
        return [RecallAtK(SHOWN), *super().default_metrics()]

    def interests(self, histories, batch_size: int = 32) -> np.ndarray:
        """Computes the interests of users, as `encode` does.

        Args:
            histories: As the input end takes them.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            NumPy array `(n, num_interests, pose_dim)`; interests that a history is too short for
            are zero.
        """
        return self.encode(histories, batch_size)

    @checked
    def recommend(
        self, histories, count: Count = SHOWN, seen: bool = False, batch_size: Count = 32
    ) -> np.ndarray:
        """Names the items that fit histories best.

        Args:
            histories: As the input end takes them.
            count: How many items of each. Defaults to `20`.
            seen: Whether items that stand in the history are named too. Defaults to `False`.
            batch_size: How many histories are computed at a time. Defaults to `32`.

        Returns:
            int64 array `(n, count)` of numbers of items, the best first.

        Raises:
            ValueError: If there are not so many items, or the histories are not as said.
        """
        left = self.num_classes - (0 if seen else self.history_shape[0])
        if count > left:
            allowed = f"at most {left} of the items that there are"
            raise invalid_value_error("count", allowed, count)
        histories = self.to_arrays(histories)
        scores = self.predict(histories, batch_size=batch_size, verbose=0)
        if not seen:
            rows, places = np.nonzero((histories >= 0) & (histories < self.num_classes))
            scores[rows, histories[rows, places]] = -np.inf
        return np.argsort(-scores, axis=-1, kind="stable")[:, :count]
