"""The base class of every family: a capsule network that classifies images."""

import copy
import inspect
import types

import keras
from keras import ops

from capszoo.layers import ActivationToLength
from capszoo.layers import CapsuleMask
from capszoo.layers import DenseDecoder
from capszoo.layers import ImageStandardization
from capszoo.losses import MarginLoss
from capszoo.losses import ReconstructionLoss
from capszoo.metrics import SubsetAccuracy
from capszoo.models.arrays import check_images
from capszoo.models.arrays import check_labels
from capszoo.models.arrays import is_array
from capszoo.models.step_counter import StepCounter
from capszoo.validation import check_image_shape
from capszoo.validation import check_number
from capszoo.validation import check_positive_int
from capszoo.validation import unknown_name_error


class CapsuleClassifier(keras.Model):
    """A functional Keras model from images to class capsules, with an optional decoder.

    A family builds its graph from `image_input` to the class capsules, hands the ends to
    `super().__init__` and adds its own arguments to `get_config`. What every family shares is
    here: outputs, decoder, losses, `compile()` without arguments, checks of the data, presets.

    The model's outputs are a dictionary:

    - `"scores"` `(batch, classes)`: how present each class is. Float32 whatever the policy.
    - `"poses"` `(batch, classes, pose_dim)`: the class capsules.
    - `"coupling"` `(batch, classes, children)`: what each child gave each class capsule.
    - `"reconstructions"` `(batch, height, width, channels)`: the decoded capsules of the
      classes with the highest scores, pixel values between 0 and 1. Only with a decoder.

    `predict` gives the scores alone. While training, the loss decodes the capsules of the true
    classes; evaluation and prediction decode those of the predicted ones, so no metric depends
    on labels that it should not see.

    Args:
        images: The symbolic images, from `image_input`.
        scores: The symbolic scores.
        poses: The symbolic poses of the class capsules.
        coupling: The symbolic coupling of the class capsules.
        image_shape: `(height, width, channels)` of the images.
        num_classes: How many classes there are.
        decoder: Hidden units of a `DenseDecoder`, a Keras layer from masked poses
            `(batch, classes, pose_dim)` to images, or `None`.
        num_objects: How many objects an image holds.
        rescaling: Factor that takes pixel values to between 0 and 1.
        normalization: What follows the rescaling: `None`, `"per_image"` or a dictionary of the
            channels' `mean` and `variance`.
        reconstruction_weight: Weight of the sum of squared errors of the reconstruction.
        dtype: Dtype or policy of the model.
        name: Name of the model.
        **kwargs: Arguments of `keras.Model`.
    """

    def __init__(
        self,
        *,
        images,
        scores,
        poses,
        coupling,
        image_shape,
        num_classes,
        decoder,
        num_objects,
        rescaling,
        normalization,
        reconstruction_weight,
        dtype,
        name,
        **kwargs,
    ):
        for argument in kwargs:
            # Keras drops what it does not know.
            if argument != "trainable":
                raise unknown_name_error("argument", argument, self.argument_names())
        check_number("reconstruction_weight", reconstruction_weight, 0)
        outputs = {"scores": scores, "poses": poses, "coupling": coupling}
        mask = None
        if decoder is not None:
            mask = CapsuleMask(num_objects, dtype=dtype, name="class_mask")
            outputs["reconstructions"] = decoder(mask(poses, scores))
        super().__init__(inputs=images, outputs=outputs, name=name, **kwargs)
        if dtype is not None:
            self.dtype_policy = keras.dtype_policies.get(dtype)
        self.image_shape = check_image_shape(image_shape)
        self.num_classes = num_classes
        self.decoder = decoder
        self.class_mask = mask
        self.num_objects = num_objects
        self.rescaling = rescaling
        self.normalization = normalization
        self.reconstruction_weight = reconstruction_weight
        self.reconstruction_loss = ReconstructionLoss()
        # Models of one output each, made when asked for. In a namespace: as attributes they would
        # be layers of this model.
        self._parts = types.SimpleNamespace()
        self.step_counter = StepCounter(name="step_counter")
        if decoder is not None:
            self.reconstruction_tracker = keras.metrics.Mean(name="reconstruction_loss")

    @staticmethod
    def image_input(image_shape, num_classes, num_objects, rescaling, normalization, dtype):
        """Checks what all families take and opens the graph: images, and images rescaled."""
        image_shape = check_image_shape(image_shape)
        check_positive_int("num_classes", num_classes)
        check_positive_int("num_objects", num_objects)
        if num_objects > num_classes:
            raise ValueError(
                "Argument `num_objects` must not exceed `num_classes`. Received: "
                f"num_objects={num_objects}, num_classes={num_classes}"
            )
        check_number("rescaling", rescaling)
        images = keras.Input(image_shape, name="images")
        rescaled = keras.layers.Rescaling(rescaling, dtype=dtype, name="rescaling")(images)
        if normalization is None:
            return images, rescaled
        if normalization == "per_image":
            layer = ImageStandardization(dtype=dtype, name="normalization")
        elif isinstance(normalization, dict) and set(normalization) == {"mean", "variance"}:
            layer = keras.layers.Normalization(**normalization, dtype=dtype, name="normalization")
        else:
            raise ValueError(
                "Expected `normalization` to be None, 'per_image' or a dict of 'mean' and "
                f"'variance'. Received: normalization={normalization!r}"
            )
        return images, layer(rescaled)

    @staticmethod
    def poses_alone(capsules, dtype):
        """The poses of class capsules, with their activation as length where they have one."""
        if len(capsules) == 1:
            return capsules[0]
        return ActivationToLength(dtype=dtype, name="activation_to_length")(tuple(capsules))

    @staticmethod
    def make_decoder(decoder, image_shape, dtype, **dense_arguments):
        """Makes the decoder layer from hidden units, a config or a layer; `None` stays."""
        if decoder is None or isinstance(decoder, keras.layers.Layer):
            return decoder
        if isinstance(decoder, dict):
            config = {**decoder, "config": {"dtype": dtype, **decoder["config"]}}
            return keras.saving.deserialize_keras_object(config)
        if isinstance(decoder, (tuple, list)):
            return DenseDecoder(
                image_shape, units=decoder, dtype=dtype, name="decoder", **dense_arguments
            )
        raise TypeError(
            "Expected `decoder` to be a sequence of hidden units, a Keras layer, its config or "
            f"None. Received: decoder={decoder!r}"
        )

    # What a family may answer differently.

    @classmethod
    def argument_names(cls):
        """Lists the arguments of this family, those of its base classes among them.

        Returns:
            List of names.

        Example:

        >>> "conv_filters" in capszoo.models.CapsNet.argument_names()
        True
        """
        names = []
        for base in cls.__mro__[: cls.__mro__.index(CapsuleClassifier)]:
            if "__init__" not in vars(base):
                continue
            parameters = list(inspect.signature(base.__init__).parameters.values())[1:]
            kinds = {one.kind for one in parameters}
            variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
            names += [one.name for one in parameters if one.kind not in variadic]
            if inspect.Parameter.VAR_KEYWORD not in kinds:
                break
        return names

    def default_loss(self):
        """The loss `compile()` takes where none is given."""
        return MarginLoss()

    def default_optimizer(self):
        """The optimizer `compile()` takes where none is given."""
        return keras.optimizers.Adam(learning_rate=1e-3)

    # Training.

    def compile(self, optimizer=None, loss=None, metrics=None, **kwargs):
        """Configures the model for training; without arguments, as its family is trained.

        Args:
            optimizer: As in `keras.Model.compile`; `None` stands for `default_optimizer()`.
                Defaults to `None`.
            loss: As in `keras.Model.compile`, on the scores; `None` stands for
                `default_loss()`. Defaults to `None`.
            metrics: As in `keras.Model.compile`, on the scores; `None` stands for
                `SubsetAccuracy`. Defaults to `None`.
            **kwargs: Other arguments of `keras.Model.compile`.
        """
        optimizer = self.default_optimizer() if optimizer is None else optimizer
        loss = self.default_loss() if loss is None else loss
        metrics = [SubsetAccuracy()] if metrics is None else metrics
        # A loss with a schedule reads the steps of this model, not of others it is given to.
        self.step_counter.step.assign(0)
        if getattr(loss, "step", None) is not None:
            loss = copy.copy(loss)
            loss.step = self.step_counter.step
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def compile_from_config(self, config):
        # Keras restores the arguments of an overridden `compile` only where asked to.
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(
            x=x, y=y, y_pred=y_pred["scores"], sample_weight=sample_weight, training=training
        )
        if self.decoder is not None:
            reconstructions = y_pred["reconstructions"]
            if training:
                masked = self.class_mask(y_pred["poses"], y_pred["scores"], labels=y)
                reconstructions = self.decoder(masked)
            reconstructions = ops.cast(reconstructions, "float32")
            targets = ops.cast(x, "float32") * self.rescaling
            error = self.reconstruction_loss(targets, reconstructions, sample_weight)
            # Image by image: under `tf.distribute` the loss is a device's share of the mean.
            errors = self.reconstruction_loss.call(targets, reconstructions)
            self.reconstruction_tracker.update_state(errors, sample_weight)
            loss = loss + self.reconstruction_weight * error
        if training:
            self.step_counter.step.assign_add(1)
        return loss

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred["scores"], sample_weight)

    def predict_step(self, *args):
        outputs = super().predict_step(*args)
        if isinstance(outputs, tuple):  # JAX returns the updated state beside the outputs
            return outputs[0]["scores"], *outputs[1:]
        return outputs["scores"]

    # Data.

    def fit(self, x=None, y=None, *args, **kwargs):
        """Trains on images and labels; arguments, data and result as in `keras.Model.fit`."""
        self._check_data(x, y)
        validation = kwargs.get("validation_data")
        if isinstance(validation, (tuple, list)) and len(validation) >= 2:
            self._check_data(*validation[:2])
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x=None, y=None, *args, **kwargs):
        """Measures loss and metrics; arguments, data and result as in `keras.Model.evaluate`."""
        self._check_data(x, y)
        return super().evaluate(x, y, *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        """Computes the scores of images.

        Args:
            x: Images `(n, height, width, channels)` or a pipeline of batches of them.
            *args: Arguments of `keras.Model.predict`.
            **kwargs: Arguments of `keras.Model.predict`.

        Returns:
            NumPy array `(n, classes)`.
        """
        self._check_data(x)
        return super().predict(x, *args, **kwargs)

    def encode(self, images, batch_size=32):
        """Computes the poses of the class capsules.

        Args:
            images: Images `(n, height, width, channels)`.
            batch_size: How many images are computed at a time. Defaults to `32`.

        Returns:
            NumPy array `(n, classes, pose_dim)`.
        """
        return self._predict_output("poses", images, batch_size)

    def coupling(self, images, batch_size=32):
        """Computes how much of each child went to each class capsule.

        Args:
            images: Images `(n, height, width, channels)`.
            batch_size: How many images are computed at a time. Defaults to `32`.

        Returns:
            NumPy array `(n, classes, children)`.
        """
        return self._predict_output("coupling", images, batch_size)

    def reconstruct(self, images, batch_size=32):
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
            raise ValueError(
                f"Model '{self.name}' has no decoder to reconstruct with. Build it with "
                "decoder=(512, 1024), for example."
            )
        return self._predict_output("reconstructions", images, batch_size)

    def _predict_output(self, key, images, batch_size):
        self._check_data(images)
        if not hasattr(self._parts, key):
            setattr(self._parts, key, keras.Model(self.inputs, self.output[key]))
        return getattr(self._parts, key).predict(images, batch_size=batch_size, verbose=0)

    def _check_data(self, images, labels=None):
        if is_array(images):
            check_images(images, self.image_shape, self.rescaling)
            if is_array(labels):
                check_labels(labels, images.shape[0], self.num_classes)

    # Presets. The zoo is built on the models, so these two look up to it when called.

    @classmethod
    def from_preset(cls, preset, **kwargs):
        """Loads a model of this family; see `capszoo.load`.

        Args:
            preset: A preset's name, directory, file or address, as `capszoo.load` takes it.
            **kwargs: Arguments of `capszoo.load`.

        Returns:
            The model, with its weights.

        Raises:
            ValueError: If the preset is unknown, broken or of another family.
        """
        from capszoo.zoo import load

        return load(preset, family=cls, **kwargs)

    def save_to_preset(self, directory, **kwargs):
        """Saves the model as a preset directory; see `capszoo.zoo.save`.

        Args:
            directory: Where to save; must not exist yet.
            **kwargs: Arguments of `capszoo.zoo.save`.
        """
        from capszoo.zoo import save

        save(self, directory, **kwargs)

    def get_config(self):
        decoder = None
        if self.decoder is not None:
            decoder = keras.saving.serialize_keras_object(self.decoder)
            # The model builds it, for its own number of classes.
            decoder.pop("build_config", None)
            if self.decoder.dtype_policy == self.dtype_policy:
                del decoder["config"]["dtype"]
        return {
            "image_shape": self.image_shape,
            "num_classes": self.num_classes,
            "decoder": decoder,
            "num_objects": self.num_objects,
            "rescaling": self.rescaling,
            "normalization": self.normalization,
            "reconstruction_weight": self.reconstruction_weight,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "name": self.name,
            "trainable": self.trainable,
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)
