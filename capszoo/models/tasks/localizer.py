"""The task of telling the classes of clips apart, and where in each frame what is seen is."""

from typing import ClassVar

import keras
import numpy as np
from keras import ops

from capszoo.kinds import Count
from capszoo.kinds import NonNegative
from capszoo.layers import CapsuleMask
from capszoo.metrics import IntersectionOverUnion
from capszoo.models.arrays import is_array
from capszoo.models.inputs import VideoInput
from capszoo.models.kinds import Policy
from capszoo.models.label_maps import check_class_masks
from capszoo.models.measure import Measure
from capszoo.models.registry import register_task
from capszoo.models.tasks.classifier import CapsuleClassifier


@register_task("localization")
class CapsuleLocalizer(CapsuleClassifier):
    """A capsule network that says what a clip shows, and where in each of its frames it is.

    The `body` of a family gives, beside scores, poses of the class capsules and coupling, the maps
    that a localization network may look at, from coarse to fine; its `make_localization` makes the
    network of them. To the outputs of a `CapsuleClassifier` come

    - `"localization"` `(batch, frames, height, width)`: the probability that a pixel is of what is
      seen, made of the capsule of the class with the highest score. Float32 whatever the policy.
    - `"window"` `(batch, 3)`: of which frame, row and column on, where the model cuts windows out
      of longer clips.
    - `"maps_1"`, `"maps_2"` ...: the maps that the localization network looks at.

    Labels say both in one array: masks `(n, frames, height, width)`, as large as the clips, that
    hold the class and one more where it is seen, else 0; each clip is of one class. The default
    loss is that of the scores and, times `localization_weight`, the binary cross-entropy of the
    pixels. As of a decoder, the capsule of the true class is localized while training, elsewhere
    that of the predicted one. Measured are the accuracy and the intersection over union of the
    pixels with a probability of at least one half, of each clip, and then the mean.

    A model with `localization_weight=0` has no localization network: it takes labels of classes
    alone too, and its intersection over union is 0.

    Args:
        num_classes: How many classes there are.
        localization_weight: Weight of the loss of the localization beside that of the scores, 0
            for a model that does not localize. Defaults to `1.0`.
        dtype: Dtype or policy of the model; `None` stands for Keras' global policy.
            Defaults to `None`.
        **kwargs: Arguments of `capszoo.models.inputs.VideoInput` (`clip_shape`, `resize`,
            `rescaling`, `normalization`), and of `capszoo.models.CapsuleModel` (`name`,
            `trainable`).

    Raises:
        ValueError: If an argument is unknown or not as said above.
    """

    measures: ClassVar[tuple[Measure, ...]] = (
        Measure("accuracy", "max", of_examples=True),
        Measure("iou", "max"),
    )
    input_end = VideoInput

    def __init__(
        self,
        num_classes: Count,
        localization_weight: NonNegative = 1.0,
        dtype: Policy | None = None,
        **kwargs,
    ):
        super().__init__(num_classes=num_classes, dtype=dtype, **kwargs)
        self.localization = self.localized_class = None
        if localization_weight:
            self.localization = self.get_layer("localization")
            self.localized_class = self.get_layer("localized_class")
        self.pixel_loss = keras.losses.BinaryCrossentropy()
        self.overlap = IntersectionOverUnion()

    def make_localization(self, dtype):
        """Makes the localization network: a layer of masked class capsules and the body's maps."""
        raise NotImplementedError(f"{type(self).__name__} must implement `make_localization`.")

    def further_outputs(self, input_end, outputs, ends, dtype):
        if not self.localization_weight:
            return {}
        maps = {f"maps_{number}": one for number, one in enumerate(ends[0], start=1)}
        mask = CapsuleMask(dtype=dtype, name="localized_class")
        masked = mask(outputs["poses"], outputs["scores"])
        found = self.make_localization(dtype)([masked, *maps.values()])
        window = {} if input_end.places is None else {"window": input_end.places}
        return {"localization": found, **window, **maps}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        classes = _classes(y)
        loss = super().compute_loss(x, classes, y_pred, sample_weight, training)
        if self.localization is None:
            return loss
        found = y_pred["localization"]
        if training:
            masked = self.localized_class(y_pred["poses"], y_pred["scores"], labels=classes)
            maps = [y_pred[f"maps_{number + 1}"] for number in range(self._number_of_maps())]
            found = self.localization([masked, *maps], training=True)
        there = ops.cast(self._masks(y, y_pred) > 0, "float32")
        pixels = int(np.prod(found.shape[1:]))
        flat = (ops.reshape(one, (-1, pixels)) for one in (there, found))
        return loss + self.localization_weight * self.pixel_loss(*flat, sample_weight=sample_weight)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        if self.localization is not None:
            found = y_pred["localization"]
            of_classes = ops.stack([1.0 - found, found], axis=-1)
            there = ops.cast(self._masks(y, y_pred) > 0, "int32")
            self.overlap.update_state(there, of_classes, sample_weight)
        return super().compute_metrics(x, _classes(y), y_pred, sample_weight)

    def _number_of_maps(self):
        return sum(name.startswith("maps_") for name in self.output)

    def _masks(self, masks, outputs):
        """The masks of the windows that the model saw."""
        if "window" not in outputs:
            return masks
        return self._ends.input.preparation.cut_masks(masks, outputs["window"])

    def check_data(self, x, y=None):
        if not is_array(y) or len(y.shape) <= 2:
            if is_array(y) and self.localization is not None:
                raise ValueError(
                    "Expected masks as labels, integers of shape "
                    f"{tuple(x.shape[:-1])}: the class and one more where it is seen, else 0. "
                    f"Received: labels of shape {tuple(y.shape)}. A model built with "
                    "localization_weight=0 learns from classes alone."
                )
            return super().check_data(x, y)
        super().check_data(x)
        return check_class_masks(y, x.shape, self.num_classes)

    def localize(self, clips, batch_size: int = 32) -> np.ndarray:
        """Computes where in clips is what they show.

        Args:
            clips: Clips, as the input end takes them.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            float32 array `(n, frames, height, width)` of probabilities, of the frames of
            `clip_shape`: of longer or larger clips those of the window in the middle.

        Raises:
            ValueError: If the model does not localize.
        """
        if self.localization is None:
            raise ValueError(
                f"Model '{self.name}' does not localize: it is built with localization_weight=0."
            )
        return self.predict_output("localization", clips, batch_size)


def _classes(labels):
    """The classes of labels, which are masks or classes."""
    if labels is None or len(labels.shape) <= 2:
        return labels
    return ops.max(ops.cast(labels, "int32"), axis=(1, 2, 3)) - 1
