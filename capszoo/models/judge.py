"""A trained classifier that judges generated pictures: how far from real ones, how sure it is."""

from typing import Any

import numpy as np

from capszoo.losses import SoftmaxCrossentropy
from capszoo.metrics import frechet_distance
from capszoo.models.capsule_model import preset_functions
from capszoo.models.inputs import ImageInput
from capszoo.models.tasks.classifier import CapsuleClassifier

# The margins of the margin loss: what a class's capsule is trained to be, and the others.
PRESENT, ABSENT = 0.9, 0.1
# More change a figure little, and take minutes.
MOST_PICTURES = 2_000


class Judge:
    """Judges pictures by a trained classifier's class capsules.

    Args:
        preset: Name of a preset that classifies pictures by capsules whose lengths are its scores.

    Raises:
        ValueError: If the preset is unknown or of another kind.
    """

    def __init__(self, preset: str):
        model = preset_functions["load"](preset)
        if (
            not isinstance(model, CapsuleClassifier)
            or not issubclass(model.input_end, ImageInput)
            or "poses" not in model.output
            or isinstance(model.default_loss(), SoftmaxCrossentropy)
        ):
            raise ValueError(
                "Expected `judge` to be a preset that classifies pictures by the lengths of "
                f"capsules. Received: judge={preset!r}"
            )
        self.model = model
        self.pictures: Any = None

    def look_at(self, pictures: np.ndarray, count: int, batch_size: int = 32) -> None:
        """Looks at the real pictures that generated ones are compared with.

        Args:
            pictures: Pictures of a data set, pixel values from 0 to 255.
            count: How many of them, the first ones.
            batch_size: How many are computed at a time. Defaults to `32`.
        """
        self.pictures, self._poses = pictures, self._poses_of(pictures[:count], batch_size)

    def measure(self, made: np.ndarray, batch_size: int = 32) -> dict:
        """Measures generated pictures beside the real ones that were looked at.

        Args:
            made: Generated pictures, pixel values from 0 to 255.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            `frechet_distance`, of the poses of all class capsules, and `sureness`, the share of
            the generated ones with one class's score of at least 0.9 and no other above 0.1.
        """
        scores = np.sort(self.model.predict(made, batch_size=batch_size, verbose=0), axis=-1)
        others = scores[:, -2] if scores.shape[1] > 1 else np.zeros(len(scores))
        return {
            "frechet_distance": frechet_distance(self._poses, self._poses_of(made, batch_size)),
            "sureness": float(np.mean((scores[:, -1] >= PRESENT) & (others <= ABSENT))),
        }

    def _poses_of(self, pictures, batch_size):
        return self.model.encode(pictures, batch_size).reshape(len(pictures), -1)
