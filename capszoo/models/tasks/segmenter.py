"""The task of segmentation: which class each position of a picture or volume is of."""

from typing import Any
from typing import ClassVar

import keras
import numpy as np
from keras import ops

from capszoo.kinds import Count
from capszoo.kinds import NonNegative
from capszoo.kinds import Share
from capszoo.kinds import checked
from capszoo.losses import MarginLoss
from capszoo.losses import SegmentationLoss
from capszoo.metrics import DiceScore
from capszoo.metrics import IntersectionOverUnion
from capszoo.models.arrays import is_array
from capszoo.models.arrays import to_numpy
from capszoo.models.capsule_model import CapsuleModel
from capszoo.models.inputs import InputEnd
from capszoo.models.inputs import MaskedImageInput
from capszoo.models.kinds import Policy
from capszoo.models.label_maps import check_cases
from capszoo.models.label_maps import check_label_maps
from capszoo.models.measure import Measure
from capszoo.models.middle_positions import middle_positions
from capszoo.models.registry import register_task
from capszoo.models.sliding_windows import answers_by_windows
from capszoo.ops import area_means
from capszoo.ops import one_hot_maps
from capszoo.ops import weights_of_maps
from capszoo.validation import invalid_value_error


@register_task("segmentation")
class CapsuleSegmenter(CapsuleModel):
    """A network that segments pictures or volumes: labels are maps, and so are answers.

    The `body` of a family gives a dictionary of symbolic outputs:

    - `"probabilities"` `(batch, *spatial, classes)`: of each class at each position, float32
      whatever the policy, together 1. `predict` gives them.
    - `"lengths"` `(batch, *coarse, classes)`: lengths of class capsules, at this or a lower
      resolution. Where they are, the loss holds them, by a margin, against the label maps
      averaged over the area of each capsule. Optional.
    - `"poses"` `(batch, *coarse, classes, pose_dim)`: the class capsules. Optional.
    - `"reconstructions"` `(batch, *spatial, channels)`: the examples as a decoder makes them.
      Where they are, the loss adds their mean squared error on the true foreground. Optional;
      `"targets"`, what they are compared with, stands beside them.

    Labels are integers `(n, *spatial)` from 0, the background, to `num_classes - 1`, or one-hot
    `(n, *spatial, classes)`. Examples whose foreground is empty are taken like others.

    Args:
        num_classes: How many classes there are, the background among them: at least 2.
        margin_weight: Weight of the margin loss of the lengths beside the loss of the
            probabilities, for a family that has lengths. Its margins are 0.7 and 0.3. Defaults to
            `0.0`.
        reconstruction_weight: Weight of the mean squared error of the reconstructions, for a
            family that has some. Defaults to `0.0`.
        dtype: Dtype or policy of the model; `None` stands for Keras' global policy.
            Defaults to `None`.
        **kwargs: Arguments of the input end, for pictures
            `capszoo.models.inputs.MaskedImageInput` (`image_shape`, `rescaling`,
            `normalization`), for volumes `capszoo.models.inputs.VolumeInput` (`volume_shape`,
            `normalization`), and of `capszoo.models.CapsuleModel` (`name`, `trainable`).

    Raises:
        ValueError: If an argument is unknown or not as said above.
    """

    task = "segmentation"
    primary_output = "probabilities"
    measures = (Measure("dice", "max"), Measure("iou", "max"))
    data_fields: ClassVar[dict[str, tuple[Any, Any]]] = {"class_names": (list[str] | None, None)}
    input_end: ClassVar[type[InputEnd]] = MaskedImageInput

    def __init__(
        self,
        num_classes: Count,
        margin_weight: NonNegative = 0.0,
        reconstruction_weight: NonNegative = 0.0,
        dtype: Policy | None = None,
        **kwargs,
    ):
        if num_classes < 2:
            allowed = "at least 2 classes, the background the first"
            raise invalid_value_error("num_classes", allowed, num_classes)
        input_end = self.open_input(kwargs, dtype)
        outputs = dict(self.body(input_end.features, dtype))
        for weight, output in (
            ("margin_weight", "lengths"),
            ("reconstruction_weight", "reconstructions"),
        ):
            if getattr(self, weight) and output not in outputs:
                allowed = f"0, as this model has no {output}"
                raise invalid_value_error(weight, allowed, getattr(self, weight))
        if "reconstructions" in outputs:
            outputs["targets"] = input_end.target
        super().__init__(input_end, outputs, dtype=dtype, **kwargs)
        self.margin_loss = MarginLoss(positive_margin=0.7, negative_margin=0.3)
        # The mean over the true foreground alone.
        self.reconstruction_loss = keras.losses.MeanSquaredError(
            reduction="mean_with_sample_weight"
        )

    @classmethod
    def search_loss(cls, values, loss):
        names = ("crossentropy_weight", "dice_weight")
        tuned = {name: values.pop(name) for name in names if name in values}
        if not tuned:
            return loss
        return {"SegmentationLoss": {**((loss or {}).get("SegmentationLoss") or {}), **tuned}}

    def default_loss(self):
        return SegmentationLoss()

    def default_metrics(self):
        return [DiceScore(), IntersectionOverUnion()]

    def fit(self, x=None, y=None, *args, **kwargs):
        """Trains the model; arguments, data and result as in `keras.Model.fit`.

        `sample_weight` weighs cases, `(n,)`, or positions, `(n, *spatial)`.
        """
        if kwargs.get("class_weight") is not None:
            raise ValueError(
                "Argument `class_weight` is for one label an example. Weigh the classes of "
                "positions by model.compile(loss=capszoo.losses.SegmentationLoss("
                f"class_weights=[...])). Received: class_weight={kwargs['class_weight']!r}"
            )
        return super().fit(x, y, *args, **kwargs)

    def extra_loss(self, x, y, outputs, sample_weight, training):
        if not (self.margin_weight or self.reconstruction_weight):
            return 0.0
        truth = one_hot_maps(y, outputs["probabilities"].shape)
        of_cases, of_positions = weights_of_maps(sample_weight, len(truth.shape) - 2)
        # The weight of each position, whatever weights are of.
        weight = ops.ones_like(truth[..., 0]) if of_positions is None else of_positions
        if of_cases is not None:
            weight = weight * ops.reshape(of_cases, (-1, *[1] * (len(truth.shape) - 2)))
        loss = 0.0
        if self.margin_weight:
            loss += self.margin_weight * self._loss_of_lengths(truth, outputs["lengths"], weight)
        if self.reconstruction_weight:
            loss += self.reconstruction_weight * self.reconstruction_loss(
                ops.cast(outputs["targets"], "float32"),
                ops.cast(outputs["reconstructions"], "float32"),
                sample_weight=weight * (1.0 - truth[..., 0]),
            )
        return loss

    def _loss_of_lengths(self, truth, lengths, weight):
        """Holds each capsule against the share that its class has of the area it stands for."""
        coarse, classes = lengths.shape[1:-1], lengths.shape[-1]
        shares = ops.minimum(area_means(truth, coarse), 1.0)  # rounding aside
        weight = area_means(ops.expand_dims(weight, -1), coarse)
        return self.margin_loss(
            ops.reshape(shares, (-1, classes)),
            ops.reshape(ops.cast(lengths, "float32"), (-1, classes)),
            sample_weight=ops.reshape(weight, (-1,)),
        )

    def check_data(self, x, y=None):
        super().check_data(x, y)
        if is_array(y):
            check_label_maps(y, x.shape, self.num_classes)

    # Cases of any size.

    @checked
    def probabilities(
        self, x, overlap: Share = 0.5, batch_size: Count = 8
    ) -> np.ndarray | list[np.ndarray]:
        """Computes the probabilities of the classes in cases of any size.

        What is larger than the shape of the model goes in by windows of this shape that overlap,
        and whose answers are put together by Gaussian weights; what is smaller is padded. See
        `capszoo.models.sliding_windows.answers_by_windows`.

        Args:
            x: Cases: an array `(n, *spatial, channels)`, or a sequence of arrays
                `(*spatial, channels)`, which may differ in size.
            overlap: Least share of a window, along each axis, that the next one shares with it:
                from 0 to below 1. Defaults to `0.5`.
            batch_size: How many windows are computed at a time. Defaults to `8`.

        Returns:
            float32 array `(n, *spatial, classes)`, or a list of arrays where the cases came so.

        Raises:
            ValueError: If the cases are not as said above.
        """
        self.check_whole(x)
        if not self.measured_apart(x):
            return self.predict(x, batch_size=batch_size, verbose=0)
        answers = list(self._answers(x, overlap, batch_size))
        return np.stack(answers) if is_array(x) else answers

    @checked
    def segment(
        self, x, overlap: Share = 0.5, batch_size: Count = 8
    ) -> np.ndarray | list[np.ndarray]:
        """Computes the label maps of cases of any size: at each position the likeliest class.

        Args:
            x: Cases, as `probabilities` takes them.
            overlap: As in `probabilities`. Defaults to `0.5`.
            batch_size: As in `probabilities`. Defaults to `8`.

        Returns:
            int32 array `(n, *spatial)`, or a list of arrays where the cases came so.

        Raises:
            ValueError: If the cases are not as `probabilities` takes them.
        """
        found = self.probabilities(x, overlap, batch_size)
        if is_array(found):
            return found.argmax(-1).astype("int32")
        return [answer.argmax(-1).astype("int32") for answer in found]

    def _answers(self, cases, overlap, batch_size):
        """Computes the probabilities of cases of any size, one after the other."""

        def predict(windows):
            return self.predict_output("probabilities", windows, batch_size, prepared=True)

        cases = map(to_numpy, cases)
        return answers_by_windows(predict, cases, self.example_shape[:-1], overlap, batch_size)

    def measured_apart(self, x):
        return not is_array(x) or tuple(x.shape[1:]) != self.example_shape

    def measure(self, x, y, batch_size=32, verbose=0):
        if not self.measured_apart(x):
            return super().measure(x, y, batch_size, verbose)
        self.check_whole(x, y)
        metrics, loss = self.default_metrics(), keras.losses.get(self.loss)
        losses = []
        for answer, labels in zip(self._answers(x, 0.5, batch_size), y, strict=True):
            answer, labels = answer[None], to_numpy(labels)[None]
            losses.append(float(loss(labels, answer)))
            for metric in metrics:
                metric.update_state(labels, answer)
        found = {metric.name: float(metric.result()) for metric in metrics}
        return {"loss": float(np.mean(losses)), **found}

    def check_whole(self, x, y=None):
        if not self.measured_apart(x):
            return self.check_data(x, y)
        check_cases(x, self.example_shape, self._ends.input.unit)
        if y is not None:
            if len(y) != len(x):
                raise ValueError(
                    "Expected a label map for each example. "
                    f"Received: {len(x)} examples, {len(y)} label maps"
                )
            for case, labels in zip(x, y, strict=True):
                check_label_maps(labels[None], (1, *case.shape), self.num_classes)
        return None

    def condense(self, answer):
        return middle_positions(answer)
