"""Which places of a picture voted for which class."""

import dataclasses

import numpy as np

from capszoo.visualization.figures import draw_outline
from capszoo.visualization.figures import grid_of_axes
from capszoo.visualization.figures import name_of
from capszoo.visualization.figures import new_figure
from capszoo.visualization.figures import show_picture
from capszoo.visualization.pictures import check_pictures
from capszoo.visualization.pictures import prepared_pictures
from capszoo.visualization.places import ChildMap
from capszoo.visualization.places import child_maps
from capszoo.visualization.routed_layers import iterations_of
from capszoo.visualization.routed_layers import route_each
from capszoo.visualization.routed_layers import routed_layers


@dataclasses.dataclass
class VoteMap:
    """How much the capsules at each place gave each class.

    Attributes:
        places: Where the places are, a `capszoo.visualization.places.ChildMap`.
        given: Array `(n, classes, rows, columns)`.
        presence: How present all capsules at a place are together, `(n, rows, columns)`.
    """

    places: ChildMap
    given: np.ndarray
    presence: np.ndarray

    def shares(self) -> np.ndarray:
        """The share of each place's capsules that each class was given, of the shape of `given`."""
        return self.given / np.maximum(self.presence[:, None], np.finfo("float32").tiny)


def why_no_vote_maps(model) -> str | None:
    """Says why there are no maps of votes of a model; `None` where there are.

    Args:
        model: A `capszoo.models.CapsuleModel`.

    Returns:
        The reason.

    Example:

    >>> model = capszoo.models.EfficientCapsNet((28, 28, 1), num_classes=10)
    >>> capszoo.visualization.why_no_vote_maps(model)
    'each of its child capsules sees the whole picture'
    """
    if model.task != "classification" or len(model.example_shape) != 3:
        return "it does not classify pictures"
    layers = list(routed_layers(model).values())
    if not layers:
        return "its class capsules are not routed by a layer of their own"
    output = layers[-1].output
    poses = output[0] if isinstance(output, (tuple, list)) else output
    if np.prod(poses.shape[1:-2]) != 1:
        return "its class capsules stand on a map themselves"
    maps = child_maps(layers[-1], model.example_shape[:2])
    if not maps:
        return "its child capsules stand on no map"
    if all(one.rows.count * one.columns.count == 1 for one in maps):
        return "each of its child capsules sees the whole picture"
    return None


def vote_maps(model, images, iterations=None, batch_size: int = 32) -> list[VoteMap]:
    """Computes how much the capsules at each place gave each class capsule.

        given[class, place] = sum over the child capsules i at a place of coupling[class, i] |u_i|

    with `|u_i|` how present child `i` is: its activation, or the length of its pose.

    Args:
        model: A `capszoo.models.CapsuleModel` that classifies pictures.
        images: Pictures, as the model takes them.
        iterations: After how many iterations of the routing. Defaults to `None`, all.
        batch_size: How many are computed at a time. Defaults to `32`.

    Returns:
        List of `VoteMap`, one for each map that children stand on; of most networks there is one.

    Raises:
        ValueError: If the model has no such maps; see `why_no_vote_maps`.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> (found,) = capszoo.visualization.vote_maps(model, images[:2])
    >>> found.given.shape == (2, 10, found.places.rows.count, found.places.columns.count)
    True
    """
    return _vote_maps(model, images, [iterations], batch_size)[0]


def _vote_maps(model, images, rounds, batch_size=32):
    """The maps after each of several numbers of iterations, of children computed once."""
    reason = why_no_vote_maps(model)
    if reason:
        raise ValueError(f"There are no maps of votes of model '{model.name}': {reason}.")
    check_pictures(model, images)
    found = route_each(model, images, rounds, batch_size=batch_size)
    return [_maps_of(routed, model.example_shape[:2]) for routed in found]


def _maps_of(routed, picture_size):
    presence = routed.presence.reshape(len(routed.presence), 1, -1)
    given = routed.coupling * presence
    maps, start = [], 0
    for places in child_maps(routed.layer, picture_size):
        shape = (places.rows.count, places.columns.count, places.types)
        children = int(np.prod(shape))
        own = given[..., start : start + children]
        there = presence[:, 0, start : start + children].reshape(-1, *shape)
        maps.append(
            VoteMap(places, own.reshape(*own.shape[:2], *shape).sum(-1), there.sum(axis=-1))
        )
        start += children
    return maps


def draw_vote_maps(model, image, classes=None, names=None):
    """Draws on a picture which places voted for which class, after each iteration of the routing.

    Args:
        model: A `capszoo.models.CapsuleModel` that classifies pictures.
        image: One picture, as the model takes it, without the batch axis.
        classes: Numbers of the classes to draw. Defaults to `None`, the three with the highest
            scores.
        names: Names of the classes. Defaults to `None`, numbers.

    Returns:
        A Matplotlib figure: a row for each class, a column for each iteration.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If the model has no such maps, see `why_no_vote_maps`.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> figure = capszoo.visualization.draw_vote_maps(model, images[0])
    """
    images = np.asarray(image)[None]
    layers = list(routed_layers(model).values())
    rounds = list(range(1, iterations_of(layers[-1]) + 1)) if layers else [None]
    # Of several maps the finest; votes of the others would lie on top of it.
    maps = [
        max(found, key=lambda one: one.given[0, 0].size)
        for found in _vote_maps(model, images, rounds)
    ]
    scores = model.predict(images, verbose=0)[0]
    if classes is None:
        classes = np.argsort(-scores)[:3]
    picture = prepared_pictures(model, images)[0]
    figure = new_figure(2.4 + 2.2 * len(rounds), 1.1 + 2.2 * len(classes))
    axes = grid_of_axes(figure, len(classes), len(rounds))
    shares = [one.shares()[0] for one in maps]
    most = max(float(own[classes].max()) for own in shares)
    for row, number in zip(axes, classes, strict=True):
        row[0].set_ylabel(f"{name_of(number, names)}\nscore {scores[number]:.2f}")
        for axis, count, found, own in zip(row, rounds, maps, shares, strict=True):
            show_picture(axis, picture)
            drawn = _draw_map(axis, found.places, own[number], most)
            draw_outline(axis, picture)
            if number == classes[0]:
                axis.set_title(f"iteration {count} of {len(rounds)}")
            axis.set_xlim(0, picture.shape[1])
            axis.set_ylim(picture.shape[0], 0)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8)
    bar.set_label("share of the capsules there that the class was given")
    rows, columns = maps[0].places.rows, maps[0].places.columns
    figure.suptitle(
        "Which places voted for which class\n"
        f"(a square: the middle of the {rows.seen} × {columns.seen} pixels that its capsules see)"
    )
    return figure


def _draw_map(axis, places, shares, most):
    top, bottom = places.rows.edges
    left, right = places.columns.edges
    return axis.imshow(
        shares,
        cmap="magma",
        vmin=0,
        vmax=most,
        extent=(left, right, bottom, top),
        interpolation="nearest",
    )
