"""The task of making examples anew: no labels, and examples beside their originals if need be."""

from typing import Any
from typing import ClassVar

import keras
import numpy as np
from keras import ops

from capszoo.losses import ReconstructionLoss
from capszoo.models.arrays import is_array
from capszoo.models.capsule_model import CapsuleModel
from capszoo.models.kinds import Policy
from capszoo.models.measure import Measure
from capszoo.models.middle_positions import middle_positions
from capszoo.models.parts import Parts
from capszoo.models.registry import register_task


@register_task("reconstruction")
class CapsuleAutoencoder(CapsuleModel):
    """A network that makes examples anew from its capsules; it learns without labels.

    The `body` of a family gives a dictionary of symbolic outputs:

    - `"reconstructions"` `(batch, *spatial, channels)`: the examples as the network makes them,
      on the scale of the targets. `predict` gives them.
    - `"poses"` `(batch, *coarse, capsules, pose_dim)`: what the network holds of an example.
      `encode` gives them.

    and whatever else it has to show. `"targets"` stands beside them: the examples on the scale of
    a decoder, as the input end gives them; pictures between 0 and 1, volumes of mean 0 and
    deviation 1. The default loss is the mean squared error of the reconstructions against them, and
    so is the measure that chooses the epoch, `reconstruction_error`.

    `fit(images)` needs nothing else. What stands where other tasks have labels are the originals
    of the examples, of the same shape: `fit(noisy, clean)` learns to restore. Anything else in
    their place, labels of classes above all, is refused, in pipelines too.

    What the codes are worth is measured afterwards, on test examples that have classes: by a
    linear probe and by clusters, see `capszoo.training.codes`.

    Args:
        dtype: Dtype or policy of the model; `None` stands for Keras' global policy.
            Defaults to `None`.
        **kwargs: Arguments of the input end, for pictures `capszoo.models.inputs.ImageInput`
            (`image_shape`, `resize`, `rescaling`, `normalization`), for volumes
            `capszoo.models.inputs.VolumeInput` (`volume_shape`, `normalization`), and of
            `capszoo.models.CapsuleModel` (`name`, `trainable`).

    Raises:
        ValueError: If an argument is unknown or not as said above.
    """

    task = "reconstruction"
    labeled = False
    primary_output = "reconstructions"
    measures = (Measure("reconstruction_error", "min", highest=None),)
    code_measures = (
        Measure("probe_accuracy", "max", of_examples=True),
        Measure("clustering_accuracy", "max", of_examples=True),
    )
    # Whether the family answers `parts`.
    draws_parts: ClassVar[bool] = False
    # What a recipe does to the examples, and not to their originals.
    data_fields: ClassVar[dict[str, tuple[Any, Any]]] = {"corruption": (list[dict], [])}

    def __init__(self, dtype: Policy | None = None, **kwargs):
        input_end = self.open_input(kwargs, dtype)
        outputs = {**self.body(input_end.features, dtype), "targets": input_end.target}
        super().__init__(input_end, outputs, dtype=dtype, **kwargs)
        self._ends.target = keras.Model(input_end.prepared, input_end.target)

    def default_loss(self):
        return ReconstructionLoss(mean=True)

    def default_metrics(self):
        return [keras.metrics.MeanSquaredError(name="reconstruction_error")]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        y = self._targets(y, y_pred)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, self._targets(y, y_pred), y_pred, sample_weight)

    def _targets(self, originals, outputs):
        """What reconstructions are compared with: the originals, or else the examples."""
        targets = outputs["targets"] if originals is None else self._ends.target(originals)
        return ops.cast(targets, "float32")

    def check_data(self, x, y=None):
        super().check_data(x)
        if not is_array(y):
            return
        shape = tuple(y.shape)
        if shape != tuple(x.shape) or shape[1:] != self.example_shape:
            raise ValueError(
                f"A model for the task {self.task!r} learns without labels. Expected examples "
                "alone, or beside them the originals that they are to become, both of shape "
                f"(batch, {', '.join(map(str, self.example_shape))}). Received: examples of shape "
                f"{tuple(x.shape)} and beside them an array of shape {shape}. Of a pipeline of "
                "pairs take the first parts: data.map(lambda image, label: image)."
            )
        self._ends.input.check(y)

    def check_whole(self, x, y=None):
        if not is_array(x):
            raise ValueError(
                "Expected examples in one array: reconstructions are not put together from "
                "windows. In a preset of volumes leave out `data.crop`. "
                f"Received: {type(x).__name__}"
            )
        self.check_data(x, y)

    def encode(self, x, batch_size: int = 32) -> np.ndarray:
        """Computes what the capsules hold of examples.

        Args:
            x: Examples, as the input end takes them.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            NumPy array of poses, one row an example.
        """
        return self.predict_output("poses", x, batch_size)

    def codes(self, x, batch_size: int = 32) -> np.ndarray:
        """Computes the numbers by which examples are told apart, of each as one row.

        Args:
            x: Examples, as the input end takes them.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            NumPy array `(n, size)`: the poses, unless the family says otherwise.
        """
        return self.encode(x, batch_size).reshape(len(x), -1)

    def reconstruct(self, x, batch_size: int = 32) -> np.ndarray:
        """Computes what the network makes of examples.

        Args:
            x: Examples, as the input end takes them.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            NumPy array `(n, *spatial, channels)`, on the scale of the output `"targets"`.
        """
        return self.predict_output("reconstructions", x, batch_size)

    def parts(self, x, batch_size: int = 32) -> Parts:
        """Computes what each part capsule drew, where and how present it is.

        Args:
            x: Examples, as the input end takes them.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            `capszoo.models.Parts`.

        Raises:
            ValueError: If the family has no part capsules.
        """
        raise ValueError(f"{type(self).__name__} has no capsules that each draw a part.")

    @staticmethod
    def mean_of_examples(values, sample_weight=None):
        """Computes the mean of a loss over a batch, each example by its weight.

        Args:
            values: Tensor `(batch,)`.
            sample_weight: Weights `(batch,)`, or a column of them, as Keras gives them. Defaults to
                `None`, all alike.

        Returns:
            A scalar tensor: the sum of the weighted values, divided by the size of the batch.
        """
        if sample_weight is None:
            return ops.mean(values)
        return ops.mean(values * ops.reshape(ops.cast(sample_weight, "float32"), (-1,)))

    def condense(self, answer):
        return middle_positions(answer)
