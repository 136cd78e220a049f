"""The task of making pictures: two networks, one that makes them and one that tells them apart."""

import types
from typing import Any
from typing import ClassVar

import keras
import numpy as np
from keras import ops

from capszoo.kinds import Count
from capszoo.layers import LatentNoise
from capszoo.losses import MarginLoss
from capszoo.models.arc import arc
from capszoo.models.arrays import is_array
from capszoo.models.capsule_model import CapsuleModel
from capszoo.models.judge import MOST_PICTURES
from capszoo.models.judge import Judge
from capszoo.models.kinds import Policy
from capszoo.models.kinds import PresetName
from capszoo.models.measure import Measure
from capszoo.models.registry import register_task
from capszoo.validation import check_positive_int


@register_task("generation")
class CapsuleGenerator(CapsuleModel):
    """A generator of pictures, and the discriminator that it learns from.

    With pictures `x`, latents `z`, the generator `G`, the discriminator `D` and the loss `L` of how
    real a picture is said to be against how real it is, a step lowers

        L(D(x), 1) + L(D(G(z)), 0)    by the variables of D alone,
        L(D(G(z)), 1)                 by those of G alone,

    both in one step down their sum, in the first of which the pictures, in the second the
    discriminator's variables stand still. So `fit(images)` is that of any model on every backend.

    A family makes the two in `make_picture` and `make_realness`. The outputs are a dictionary:

    - `"realness"` `(batch, 1)`: how real the given pictures seem, from 0 to 1; `predict` gives it.
    - `"samples"` `(batch, height, width, channels)`: as many, made of `make_latents`.
    - `"realness_of_samples"` `(batch, 1)`.

    It learns without labels, which are refused. What its pictures are worth says a classifier, the
    `judge`: the Fréchet distance of its capsules on generated and on real pictures, which chooses
    the epoch, and the share of generated ones that it is sure of. Judges cannot be compared.

    Args:
        latent_dim: How many numbers a picture is made of. Defaults to `64`.
        judge: Name of a preset that classifies such pictures by capsules, for `measure`. Defaults
            to `"efficient_capsnet_digits"`.
        dtype: Dtype or policy of the model; `None` stands for Keras' global policy.
            Defaults to `None`.
        **kwargs: Arguments of `capszoo.models.inputs.ImageInput` (`image_shape`, `resize`,
            `rescaling`) and of `capszoo.models.CapsuleModel` (`name`, `trainable`).

    Raises:
        ValueError: If an argument is unknown or not as said above.
    """

    task = "generation"
    labeled = False
    primary_output = "realness"
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure("frechet_distance", "min", highest=None),
        Measure("sureness", "max"),
    )

    def __init__(
        self,
        latent_dim: Count = 64,
        judge: PresetName = "efficient_capsnet_digits",
        dtype: Policy | None = None,
        **kwargs,
    ):
        input_end = self.open_input(kwargs, dtype)
        if self.normalization is not None:
            raise ValueError(
                "Pictures are made between 0 and 1, and compared with such: expected None. "
                f"Received: normalization={self.normalization!r}"
            )
        generator = _network("generator", (latent_dim,), self.make_picture, dtype)
        discriminator = _network("discriminator", self.example_shape, self.make_realness, dtype)
        pictures = input_end.features
        samples = generator(self.make_latents(pictures, discriminator, dtype))
        outputs = {
            "realness": discriminator(pictures),
            "samples": samples,
            "realness_of_samples": discriminator(ops.stop_gradient(samples)),
        }
        super().__init__(input_end, outputs, dtype=dtype, **kwargs)
        self._judges: Any = types.SimpleNamespace(judge=None)
        self.discriminator_tracker = keras.metrics.Mean(name="discriminator_loss")
        self.generator_tracker = keras.metrics.Mean(name="generator_loss")

    # What a family answers.

    def make_latents(self, pictures, discriminator, dtype):
        """Makes the graph of what the generator learns to make pictures of: by default noise.

        Args:
            pictures: Symbolic pictures `(batch, height, width, channels)`, from 0 to 1.
            discriminator: The network that says how real a picture is.
            dtype: Dtype or policy for every layer.

        Returns:
            Symbolic latents `(batch, latent_dim)`, one for each picture.
        """
        return LatentNoise(self.latent_dim, dtype=dtype, name="noise")(pictures)

    def make_picture(self, latents, dtype):
        """Makes the graph of the generator.

        Args:
            latents: Symbolic latents `(batch, latent_dim)`.
            dtype: Dtype or policy for every layer.

        Returns:
            Symbolic pictures `(batch, height, width, channels)`, from 0 to 1.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `make_picture`.")

    def make_realness(self, pictures, dtype):
        """Makes the graph of the discriminator.

        Args:
            pictures: Symbolic pictures `(batch, height, width, channels)`, from 0 to 1.
            dtype: Dtype or policy for every layer.

        Returns:
            Symbolic numbers `(batch, 1)`, from 0 to 1.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement `make_realness`.")

    @property
    def generator(self) -> keras.Model:
        """The network that makes pictures of latents."""
        return self.get_layer("generator")

    @property
    def discriminator(self) -> keras.Model:
        """The network that says how real a picture is."""
        return self.get_layer("discriminator")

    # Training.

    def default_loss(self):
        # Both kinds of pictures count alike.
        return MarginLoss(negative_weight=1.0)

    def default_optimizer(self):
        # With more momentum the two networks chase each other.
        return keras.optimizers.Adam(learning_rate=2e-4, beta_1=0.5)

    def default_metrics(self):
        return []

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        def against(target, realness):
            targets = ops.full((ops.shape(realness)[0],), target, dtype="float32")
            return keras.Model.compute_loss(self, x, targets, realness, sample_weight, training)

        of_discriminator = against(1, y_pred["realness"])
        of_discriminator += against(0, y_pred["realness_of_samples"])
        of_generator = against(1, self._realness_by_a_still_discriminator(y_pred["samples"]))
        self.discriminator_tracker.update_state(of_discriminator)
        self.generator_tracker.update_state(of_generator)
        if training:
            self.step_counter.step.assign_add(1)
        return of_discriminator + of_generator

    def _realness_by_a_still_discriminator(self, samples):
        network = self.discriminator
        trained, others = (
            [ops.stop_gradient(ops.convert_to_tensor(one)) for one in variables]
            for variables in (network.trainable_variables, network.non_trainable_variables)
        )
        return network.stateless_call(trained, others, samples, training=True)[0]

    def check_data(self, x, y=None):
        super().check_data(x)
        # Recipes of tasks without labels give the pictures again, which counts nothing here.
        if is_array(y) and tuple(y.shape) != tuple(x.shape):
            raise ValueError(
                f"A model for the task {self.task!r} learns from pictures alone: fit(images). "
                f"Received: an array of shape {tuple(y.shape)} beside them. Of a pipeline of pairs "
                "take the first parts: data.map(lambda image, label: image)."
            )

    # Measuring.

    def measured_apart(self, x):
        return True

    def check_whole(self, x, y=None):
        self.check_data(x)

    def measure(self, x, y=None, batch_size: int = 32, verbose: int | str = 0) -> dict:
        """Measures as many pictures, of the same latents each time, as are given, at most 2,000.

        Args:
            x: Real pictures, as the model takes them.
            y: Taken as other tasks take it. Defaults to `None`.
            batch_size: How many are computed at a time. Defaults to `32`.
            verbose: As in `evaluate`. Defaults to `0`.

        Returns:
            Dictionary of the losses, `frechet_distance` and `sureness`.

        Raises:
            ValueError: If `judge` is no preset of pictures with capsules of classes.
        """
        if self._judges.judge is None:
            self._judges.judge = Judge(self.judge)
        losses = self.evaluate(x, batch_size=batch_size, verbose=verbose, return_dict=True)
        count = min(len(x), MOST_PICTURES)
        made = np.rint(self.generate(count, seed=0, batch_size=batch_size) * 255).astype("uint8")
        if self._judges.judge.pictures is not x:
            self._judges.judge.look_at(x, count, batch_size)
        return {**losses, **self._judges.judge.measure(made, batch_size)}

    # Making pictures.

    def latents(self, count: int, seed: int | None = None) -> np.ndarray:
        """Draws latents, the same on every backend.

        Args:
            count: How many.
            seed: Seed of the drawing. Defaults to `None`, others each time.

        Returns:
            NumPy array `(count, latent_dim)` of the normal distribution.
        """
        check_positive_int("count", count)
        shape = (count, self.latent_dim)
        return np.random.default_rng(seed).standard_normal(shape, dtype="float32")

    def decode(self, latents, batch_size: int = 32) -> np.ndarray:
        """Makes the pictures of latents.

        Args:
            latents: Array `(n, latent_dim)`.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            NumPy array `(n, height, width, channels)`, pixel values between 0 and 1.

        Raises:
            ValueError: If the latents have another shape.
        """
        latents = np.asarray(latents, "float32")
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim:
            raise ValueError(
                f"Expected latents of the shape (n, {self.latent_dim}). Received: {latents.shape}"
            )
        return self.generator.predict(latents, batch_size=batch_size, verbose=0)

    def generate(self, count: int, seed: int | None = None, batch_size: int = 32) -> np.ndarray:
        """Makes pictures.

        Args:
            count: How many.
            seed: Seed of their latents. Defaults to `None`, others each time.
            batch_size: How many are computed at a time. Defaults to `32`.

        Returns:
            NumPy array `(count, height, width, channels)`, pixel values between 0 and 1.
        """
        return self.decode(self.latents(count, seed), batch_size)

    def interpolate(self, first, last, steps: int = 8) -> np.ndarray:
        """Makes the pictures on the way from one latent to another.

        The way is an arc: on a straight line latents would be shorter than any it was trained on.

        Args:
            first: Array `(latent_dim,)`, one of `latents`.
            last: Another.
            steps: How many pictures, with those at both ends. Defaults to `8`.

        Returns:
            NumPy array `(steps, height, width, channels)`, pixel values between 0 and 1.

        Raises:
            ValueError: If the latents have another shape.
        """
        check_positive_int("steps", steps)
        first, last = np.asarray(first, "float64"), np.asarray(last, "float64")
        if first.shape != (self.latent_dim,) or last.shape != first.shape:
            raise ValueError(
                f"Expected two latents of the shape ({self.latent_dim},). Received: {first.shape} "
                f"and {last.shape}"
            )
        return self.decode(arc(first, last, steps))


def _network(name, shape, make, dtype):
    inputs = keras.Input(shape, name=f"input_of_{name}")
    return keras.Model(inputs, make(inputs, dtype), name=name)
