"""What a network that makes pictures makes, and what others say of that."""

import numpy as np

from capszoo.models.judge import Judge
from capszoo.visualization.figures import ACCENT
from capszoo.visualization.figures import INK
from capszoo.visualization.figures import name_of
from capszoo.visualization.figures import new_figure
from capszoo.visualization.figures import show_picture
from capszoo.visualization.picture_rows import draw_rows
from capszoo.visualization.pictures import prepared_pictures
from capszoo.zoo import class_names
from capszoo.zoo import read_preset

_COLUMNS, _ROWS = 8, 3
_WAYS, _STEPS = 3, 8
# So many made pictures stand beside the real ones of a data set.
_MOST = 200


def draw_made(model, seed: int = 0):
    """Draws pictures that a model makes, with how real its discriminator takes each to be.

    Args:
        model: A `capszoo.models.CapsuleGenerator`.
        seed: Seed of their latents. Defaults to `0`.

    Returns:
        A Matplotlib figure of 24 pictures in the order of their latents, none picked.

    Raises:
        ImportError: If Matplotlib is not installed.

    Example:

    >>> model = capszoo.load("capsule_gan_digits")
    >>> figure = capszoo.visualization.draw_made(model)
    """
    made = model.generate(_COLUMNS * _ROWS, seed)
    lines = [f"{one:.2f}" for one in _realness(model, made)]
    return _draw_lines(made, lines, "None is picked; below each, how real it is taken to be")


def draw_interpolation(model, seed: int = 0):
    """Draws the pictures on the way from one latent to another.

    Args:
        model: A `capszoo.models.CapsuleGenerator`.
        seed: Seed of the latents. Defaults to `0`.

    Returns:
        A Matplotlib figure of three ways, a row each.

    Raises:
        ImportError: If Matplotlib is not installed.

    Example:

    >>> model = capszoo.load("capsule_gan_digits")
    >>> figure = capszoo.visualization.draw_interpolation(model)
    """
    ends = model.latents(2 * _WAYS, seed)
    rows = [
        model.interpolate(first, last, _STEPS)
        for first, last in zip(ends[::2], ends[1::2], strict=True)
    ]
    line = ["one latent", *[""] * (_STEPS - 2), "another"]
    return draw_rows(rows, [line] * _WAYS, "From one latent to another")


def draw_judgement(model, seed: int = 0):
    """Draws the pictures of `draw_made` with what the judge of the model takes each for.

    Args:
        model: A `capszoo.models.CapsuleGenerator`.
        seed: Seed of the latents. Defaults to `0`.

    Returns:
        A Matplotlib figure.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If the judge is not there, or is no preset that classifies pictures.

    Example:

    >>> model = capszoo.load("capsule_gan_digits")
    >>> figure = capszoo.visualization.draw_judgement(model)
    """
    made = model.generate(_COLUMNS * _ROWS, seed)
    judge = Judge(model.judge)
    scores = judge.model.predict(np.rint(made * 255).astype("uint8"), verbose=0)
    names = class_names(read_preset(model.judge)) or None
    lines = [f"{name_of(int(one.argmax()), names)}\n{one.max():.2f}" for one in scores]
    return _draw_lines(made, lines, f"What {model.judge} takes them for, and its score")


def draw_realness(model, images, seed: int = 0):
    """Draws how real the discriminator takes given pictures and made ones to be.

    Args:
        model: A `capszoo.models.CapsuleGenerator`.
        images: Pictures, as the model takes them; of many the first 200 count.
        seed: Seed of the latents of as many made ones. Defaults to `0`.

    Returns:
        A Matplotlib figure of two histograms.

    Raises:
        ImportError: If Matplotlib is not installed.

    Example:

    >>> model = capszoo.load("capsule_gan_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> figure = capszoo.visualization.draw_realness(model, images)
    """
    images = images[:_MOST]
    found = {
        "real": model.predict(images, verbose=0).ravel(),
        "made": _realness(model, model.generate(len(images), seed)),
    }
    figure = new_figure(6.0, 3.0)
    axis = figure.subplots()
    for (name, realness), colour in zip(found.items(), (INK, ACCENT), strict=True):
        label = f"{len(realness)} {name}, {realness.mean():.2f} in the mean"
        axis.hist(realness, np.linspace(0, 1, 21), color=colour, alpha=0.6, label=label)
    axis.set_xlabel("how real the discriminator takes them to be")
    axis.set_ylabel("pictures")
    axis.legend(fontsize=8)
    return figure


def draw_real(model, example):
    """Draws a given picture with how real the discriminator takes it to be."""
    examples = np.asarray(example)[None]
    figure = new_figure(2.6, 2.8)
    axis = figure.subplots()
    show_picture(axis, prepared_pictures(model, examples)[0])
    axis.set_axis_off()
    axis.set_title(f"realness {model.predict(examples, verbose=0).item():.2f}", fontsize=10)
    return figure


def drawings_of_generator(model) -> list[tuple]:
    """Lists what a page shows of a model that makes pictures.

    Args:
        model: A `capszoo.models.CapsuleGenerator`.

    Returns:
        For each drawing a name, a title, what to see in it, a function that draws it, and why
        there is none, or `None`.
    """
    return [
        (
            "made",
            "Pictures made",
            "Each is made of a latent of its own, random numbers. The number below says how real "
            "the discriminator takes it to be, from 0 to 1.",
            lambda: draw_made(model),
            None,
        ),
        (
            "interpolation",
            "From one to another",
            "Where the latent goes little by little from one to another, a network that learnt "
            "more than single pictures goes through pictures that could be.",
            lambda: draw_interpolation(model),
            None,
        ),
        (
            "judgement",
            "The judge",
            "What a classifier, which was trained on real pictures alone, takes the same pictures "
            "for. It knows no other answer than its classes.",
            lambda: draw_judgement(model),
            _why_no_judge(model),
        ),
    ]


def drawings_beside_real(model, images) -> list[tuple]:
    """Lists what a page shows of made pictures beside real ones, as `drawings_of_generator` does.

    Args:
        model: A `capszoo.models.CapsuleGenerator`.
        images: Real pictures, as the model takes them.

    Returns:
        As `drawings_of_generator`.
    """
    return [
        (
            "realness",
            "Real and made",
            "Where the two lie on top of each other the discriminator cannot tell them apart: the "
            "pictures are good, or it is not.",
            lambda: draw_realness(model, images),
            None,
        )
    ]


def _why_no_judge(model):
    """Says why the judge of a model, which may be anybody's preset, cannot be asked."""
    try:
        Judge(model.judge)
    except ValueError as error:
        return str(error).rstrip(".")
    return None


def _realness(model, made):
    return model.discriminator.predict(made, verbose=0).ravel()


def _draw_lines(pictures, lines, heading):
    """Draws pictures in rows of eight, each with a line below."""
    rows, below = (
        [some[start : start + _COLUMNS] for start in range(0, len(some), _COLUMNS)]
        for some in (pictures, lines)
    )
    return draw_rows(rows, below, heading)
