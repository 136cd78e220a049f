"""The task of telling classes apart: scores, a decoder, labels of every usual form."""

import textwrap
from typing import Any
from typing import ClassVar

import keras
import numpy as np
from keras import ops

from capszoo.kinds import Count
from capszoo.kinds import NonNegative
from capszoo.layers import ActivationToLength
from capszoo.layers import CapsuleMask
from capszoo.layers import DenseDecoder
from capszoo.losses import MarginLoss
from capszoo.losses import ReconstructionLoss
from capszoo.metrics import SubsetAccuracy
from capszoo.models.arrays import check_labels
from capszoo.models.arrays import is_array
from capszoo.models.capsule_model import CapsuleModel
from capszoo.models.capsule_model import Measure
from capszoo.models.kinds import Decoder
from capszoo.models.kinds import Policy
from capszoo.models.registry import register_task


@register_task("classification")
class CapsuleClassifier(CapsuleModel):
    """A capsule network that classifies, with an optional decoder.

    The `body` of a family gives the symbolic scores, poses of the class capsules and coupling; of
    one without capsules, a control, the scores alone. The outputs are a dictionary:

    - `"scores"` `(batch, classes)`: how present each class is. Float32 whatever the policy.
    - `"poses"` `(batch, classes, pose_dim)`: the class capsules.
    - `"coupling"` `(batch, classes, children)`: what each child gave each class capsule.
    - `"reconstructions"` `(batch, height, width, channels)`: the decoded capsules of the
      classes with the highest scores, pixel values between 0 and 1. Only with a decoder.
    - `"images"` `(batch, height, width, channels)`: the prepared images that these are compared
      with. Only with a decoder and where images are prepared by the model.

    `predict` gives the scores alone. While training, the loss decodes the capsules of the true
    classes; evaluation and prediction decode those of the predicted ones, so no metric depends
    on labels that it should not see.

    Args:
        num_classes: How many classes there are. One answers a yes-or-no question with one
            score: its labels are 0 and 1, and scores above `score_threshold` say yes.
        decoder: Hidden units of a `capszoo.layers.DenseDecoder`, a Keras layer from masked
            poses `(batch, classes, pose_dim)` to images, its config, or `None` for no decoder.
            Defaults to `None`.
        reconstruction_weight: Weight of the sum of squared errors of the reconstruction beside
            the loss of the scores. Defaults to `0.0005`.
        num_objects: How many objects an example holds: how many capsules are decoded
            together. Defaults to `1`.
        dtype: Dtype or policy of the model; `None` stands for Keras' global policy.
            Defaults to `None`.
        **kwargs: Arguments of the input end, for pictures `capszoo.models.inputs.ImageInput`
            (`image_shape`, `resize`, `rescaling`, `normalization`), for signals
            `capszoo.models.inputs.SignalInput` (`signal_shape`, `normalization`), for texts
            `capszoo.models.inputs.TokenInput` (`text_shape`, `vocabulary`), for graphs
            `capszoo.models.inputs.GraphInput` (`graph_shape`, `degrees`), and of
            `capszoo.models.CapsuleModel` (`name`, `trainable`).

    Raises:
        ValueError: If an argument is unknown or not as said above.
    """

    task = "classification"
    primary_output = "scores"
    measures: ClassVar[tuple[Measure, ...]] = (Measure("accuracy", "max", of_examples=True),)
    data_fields: ClassVar[dict[str, tuple[Any, Any]]] = {"class_names": (list[str] | None, None)}
    # What scores are on the one or the other side of where there is a single class.
    score_threshold: ClassVar[float] = 0.5
    # Arguments of a `DenseDecoder` that is made of hidden units.
    decoder_arguments: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        num_classes: Count,
        decoder: Decoder | None = None,
        reconstruction_weight: NonNegative = 0.0005,
        num_objects: Count = 1,
        dtype: Policy | None = None,
        **kwargs,
    ):
        if num_objects > num_classes:
            raise ValueError(
                "Argument `num_objects` must not exceed `num_classes`. Received: "
                f"num_objects={num_objects}, num_classes={num_classes}"
            )
        input_end = self.open_input(kwargs, dtype)
        ends = self.body(input_end.features, dtype)
        named = zip(("scores", "poses", "coupling"), ends, strict=False)
        outputs = {name: end for name, end in named if end is not None}
        outputs.update(self.further_outputs(input_end, outputs, ends[3:], dtype))
        decoding = self.make_decoder(decoder, self.example_shape, dtype)
        mask = None
        if decoding is not None:
            if "poses" not in outputs:
                raise ValueError(
                    f"{type(self).__name__} has no capsules to decode: expected None. "
                    f"Received: decoder={decoder!r}"
                )
            mask = CapsuleMask(num_objects, dtype=dtype, name="class_mask")
            outputs["reconstructions"] = decoding(mask(outputs["poses"], outputs["scores"]))
            if input_end.prepared is not input_end.inputs:
                outputs["images"] = input_end.prepared
        super().__init__(input_end, outputs, dtype=dtype, **kwargs)
        self.decoder = decoding
        self.class_mask = mask
        self.reconstruction_loss = ReconstructionLoss()
        if decoding is not None:
            self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction_loss")

    def further_outputs(self, input_end, outputs, ends, dtype):
        """Gives what a task adds to the outputs of the body by name; nothing by itself.

        Args:
            input_end: The input end.
            outputs: The scores, poses and coupling.
            ends: What the body gave beside them.
            dtype: Dtype or policy of the model.

        Returns:
            Dictionary of symbolic outputs.
        """
        return {}

    @staticmethod
    def poses_alone(capsules, dtype):
        """The poses of class capsules, with their activation as length where they have one."""
        if len(capsules) == 1:
            return capsules[0]
        return ActivationToLength(dtype=dtype, name="activation_to_length")(tuple(capsules))

    @classmethod
    def make_decoder(cls, decoder, shape, dtype):
        """Makes the decoder layer from hidden units, a config or a layer; `None` stays."""
        if decoder is not None and not cls.input_end.decodable:
            raise ValueError(
                f"There is no decoder of {cls.input_end.unit}: expected None. "
                f"Received: decoder={decoder!r}"
            )
        if decoder is None or isinstance(decoder, keras.layers.Layer):
            return decoder
        if isinstance(decoder, dict):
            config = dict(decoder["config"])
            if "layers" not in config:  # the layers of a model have one each
                config.setdefault("dtype", dtype)
            return _layer_of_config({**decoder, "config": config})
        if len(shape) != 3:
            raise ValueError(
                "Hidden units make a decoder of pictures. For examples of the shape "
                f"{tuple(shape)} give `decoder` a Keras layer or None. "
                f"Received: decoder={decoder!r}"
            )
        return DenseDecoder(
            shape, units=decoder, dtype=dtype, name="decoder", **cls.decoder_arguments
        )

    @classmethod
    def search_arguments(cls, values):
        # A search says whether there is a decoder and how large its first layer is; the papers'
        # have 512 and 1,024 units: the second layer is twice the first.
        found = super().search_arguments(values)
        if "decoder" in found:
            units = found.pop("decoder_units", 128)
            found["decoder"] = [units, 2 * units] if found["decoder"] else None
        return found

    @classmethod
    def search_loss(cls, values, loss):
        names = ("positive_margin", "negative_margin", "negative_weight")
        tuned = {name: values.pop(name) for name in names if name in values}
        if not tuned:
            return loss
        return {"MarginLoss": {**((loss or {}).get("MarginLoss") or {}), **tuned}}

    def default_loss(self):
        return MarginLoss()

    def default_metrics(self):
        return [SubsetAccuracy(threshold=self.score_threshold)]

    def targets(self, x, outputs):
        """Gives what reconstructions are compared with.

        Args:
            x: Examples, as the model takes them.
            outputs: The model's outputs of them.

        Returns:
            Tensor of the shape of the reconstructions, float32.
        """
        return ops.cast(outputs.get("images", x), "float32") * self._ends.input.rescaling

    def extra_loss(self, x, y, outputs, sample_weight, training):
        if self.decoder is None:
            return 0.0
        reconstructions = outputs["reconstructions"]
        if training:
            masked = self.class_mask(outputs["poses"], outputs["scores"], labels=y)
            reconstructions = self.decoder(masked, training=True)
        reconstructions = ops.cast(reconstructions, "float32")
        targets = self.targets(x, outputs)
        error = self.reconstruction_loss(targets, reconstructions, sample_weight)
        # Image by image: under `tf.distribute` the loss is a device's share of the mean.
        errors = self.reconstruction_loss.call(targets, reconstructions)
        self.reconstruction_tracker.update_state(errors, sample_weight)
        return self.reconstruction_weight * error

    def check_data(self, x, y=None):
        super().check_data(x, y)
        if is_array(y):
            compares = getattr(getattr(self, "loss", None), "compares_classes", False)
            check_labels(y, x.shape[0], self.num_classes, compares)

    def encode(self, images, batch_size: int = 32) -> np.ndarray:
        """Computes the poses of the class capsules.

        Args:
            images: Images `(n, height, width, channels)`.
            batch_size: How many images are computed at a time. Defaults to `32`.

        Returns:
            NumPy array `(n, classes, pose_dim)`.
        """
        return self.predict_output("poses", images, batch_size)

    def coupling(self, images, batch_size: int = 32) -> np.ndarray:
        """Computes how much of each child went to each class capsule.

        Args:
            images: Images `(n, height, width, channels)`.
            batch_size: How many images are computed at a time. Defaults to `32`.

        Returns:
            NumPy array `(n, classes, children)`.
        """
        return self.predict_output("coupling", images, batch_size)

    def reconstruct(self, images, batch_size: int = 32) -> np.ndarray:
        """Computes what the decoder makes of the predicted classes' capsules.

        Args:
            images: Images `(n, height, width, channels)`.
            batch_size: How many images are computed at a time. Defaults to `32`.

        Returns:
            NumPy array `(n, height, width, channels)`, pixel values between 0 and 1.

        Raises:
            ValueError: If the model has no decoder.
        """
        if self.decoder is None:
            pictures = len(self.example_shape) == 3
            raise ValueError(
                f"Model '{self.name}' has no decoder to reconstruct with. Build it with "
                f"{'decoder=(512, 1024), for example' if pictures else 'a Keras layer as decoder'}."
            )
        return self.predict_output("reconstructions", images, batch_size)


def _layer_of_config(config):
    """Makes a decoder of its config; whatever Keras trips over is an error of the config."""
    try:
        layer = keras.saving.deserialize_keras_object(config)
    except Exception as error:
        raise ValueError(
            f"The config of argument `decoder` makes no layer: {type(error).__name__}: "
            f"{textwrap.shorten(str(error), 300)}"
        ) from error
    if not isinstance(layer, keras.layers.Layer):
        raise ValueError(
            "Expected the config of argument `decoder` to be of a Keras layer. "
            f"Received: {type(layer).__name__}"
        )
    return layer
