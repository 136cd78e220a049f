"""Pictures changed a little, so that a network answers wrongly: FGSM and PGD."""

import functools
from collections.abc import Callable
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from capszoo.kinds import Count
from capszoo.kinds import Share
from capszoo.kinds import checked
from capszoo.robustness.answers import are_right
from capszoo.robustness.answers import check_classifier
from capszoo.robustness.gradients import gradients
from capszoo.robustness.measured import Measured
from capszoo.robustness.subjects import Subject
from capszoo.validation import invalid_value_error

# How much each pixel may change, as a share of all there is from black to white.
AMOUNTS = (0.02, 0.05, 0.1, 0.15, 0.2)
UNIT = "largest change of a pixel, as a share of 255"
STEPS = 10
# A step of PGD is this many times the amount over the number of steps, so that it gets across.
_REACH = 2.5
# Scores are not below this for the logarithm.
_LEAST = 1e-30


def wrongness(model):
    """Makes the function that attacks drive up: how much a wrong class is ahead of the true one.

        log max over wrong classes of s - log s of the true class,   of logits  max z - z

    The margin loss is flat where a capsule is long enough and a softmax where it is sure, and
    a flat loss has no gradient that would show how to change the picture; the ratio of two scores
    is flat nowhere.

    Args:
        model: A classifier of several classes, whose pictures come as its body takes them.

    Returns:
        Function of a tensor of pictures and of one-hot labels; it gives a number for each picture,
        above 0 where the answer is wrong.

    Raises:
        ValueError: If the model prepares its pictures by itself, or has but one class.
    """
    if getattr(model, "resize", None) is not None:
        raise ValueError(
            "A model that resizes pictures rounds them, and has no gradient. Load it with "
            "capszoo.load(preset, prepared=True) and give it prepared pictures. "
            f"Received: resize={model.resize!r}"
        )
    if model.num_classes == 1:
        raise invalid_value_error("model", "a model of several classes", "one of a single class")
    network = keras.Model(model.input, model.output["scores"])

    def function(images, hot):
        scores, hot = network(images, training=False), ops.convert_to_tensor(hot)
        if model.score_threshold != 0:
            scores = ops.log(ops.maximum(scores, _LEAST))
        true = ops.sum(scores * hot, axis=-1)
        return ops.max(scores - 1e9 * hot, axis=-1) - true

    return function


@checked
def fgsm(model, images: np.ndarray, labels: np.ndarray, amount: Share) -> np.ndarray:
    """Changes each pixel by one step in the direction that makes the answer wrong soonest.

        x + e sign(d wrongness / d x)

    Args:
        model: A classifier of pictures, see `wrongness`.
        images: Array `(n, height, width, channels)`, pixel values on the scale of the model.
        labels: Integers `(n,)`.
        amount: Step, as a share of the range from black to white.

    Returns:
        float32 array of the same shape, from black to white.

    Raises:
        ValueError: If the model has no gradient or does not take the pictures.

    Example:

    >>> images, labels = capszoo.data.load("digits", "test")
    >>> model = capszoo.load("conv_net_digits", prepared=True)
    >>> changed = capszoo.robustness.fgsm(model, images[:8], labels[:8], 0.1)
    >>> float(np.abs(changed - images[:8]).max()) < 25.6
    True

    Reference:

    - [Goodfellow, Shlens, Szegedy, 2014](https://arxiv.org/abs/1412.6572)
    """
    attack = _Attack(model, images, labels)
    return attack.step(attack.images, amount, amount)


@checked
def pgd(
    model,
    images: np.ndarray,
    labels: np.ndarray,
    amount: Share,
    steps: Count = STEPS,
    seed: int = 0,
) -> np.ndarray:
    """Changes pixels by many small steps, from a start drawn within the amount.

    Each step is `2.5 amount / steps` long, and no pixel goes further than the amount.

    Args:
        model: A classifier of pictures, see `wrongness`.
        images: Array `(n, height, width, channels)`, pixel values on the scale of the model.
        labels: Integers `(n,)`.
        amount: How far a pixel may go, as a share of the range from black to white.
        steps: How many steps. Defaults to `10`.
        seed: Seed of the start. Defaults to `0`.

    Returns:
        float32 array of the same shape, from black to white.

    Raises:
        ValueError: If the model has no gradient or does not take the pictures.

    Reference:

    - [Madry, Makelov, Schmidt, Tsipras, Vladu, 2017](https://arxiv.org/abs/1706.06083)
    """
    attack = _Attack(model, images, labels)
    start = np.random.default_rng(seed).uniform(-1, 1, size=attack.images.shape)
    changed = attack.within(attack.images + start * amount * attack.white, amount)
    for _ in range(steps):
        changed = attack.step(changed, _REACH * amount / steps, amount)
    return changed


class _Attack:
    """Pictures, what is true of them, and the function to drive up."""

    def __init__(self, model, images, labels, batch_size=100):
        check_classifier(model, images, labels)
        if np.ndim(labels) != 1:
            raise invalid_value_error("labels", "one integer a picture", np.shape(labels))
        self.function, self.batch_size = wrongness(model), batch_size
        self.images = np.asarray(images, dtype="float32")
        self.white = 1 / model.rescaling
        self.hot = np.eye(model.num_classes, dtype="float32")[np.asarray(labels)]

    def step(self, changed, length, amount):
        found = []
        for start in range(0, len(changed), self.batch_size):
            rows = slice(start, start + self.batch_size)
            hot = self.hot[rows]
            found.append(gradients(lambda x, hot=hot: self.function(x, hot), changed[rows]))
        return self.within(changed + length * self.white * np.sign(np.concatenate(found)), amount)

    def within(self, changed, amount):
        low = np.maximum(self.images - amount * self.white, 0)
        high = np.minimum(self.images + amount * self.white, self.white)
        return np.clip(changed, low, high).astype("float32")


def measure_attacks(
    subjects: Sequence[Subject], images: np.ndarray, labels: np.ndarray, batch_size: int = 100
) -> list[Measured]:
    """Measures the accuracy of networks on pictures changed against each of them.

    Args:
        subjects: The networks, whose pictures come as their bodies take them.
        images: Array `(n, height, width, channels)`.
        labels: Integers `(n,)`.
        batch_size: How many pictures are computed at a time. Defaults to `100`.

    Returns:
        List of `Measured`s: FGSM and PGD of 10 steps, of five strengths each.

    Raises:
        ValueError: If a model has no gradient or does not take the pictures.
    """
    rows = []
    attacks: dict[str, Callable] = {"fgsm": fgsm, "pgd": functools.partial(pgd, steps=STEPS)}
    for name, attack in attacks.items():
        for strength, amount in enumerate(AMOUNTS, start=1):
            for subject in subjects:
                shares = []
                for model in subject.models:
                    changed = attack(model, images, labels, amount)
                    scores = model.predict(changed, batch_size, verbose=0)
                    shares.append(are_right(model, scores, labels).mean())
                rows.append(subject.measured(name, strength, f"{amount:g}", shares, len(labels)))
    return rows
