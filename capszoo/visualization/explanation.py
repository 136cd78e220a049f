"""A page that shows what a model saw in some examples, with the pictures it is made of."""

import importlib.util
import os
import pathlib
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np

from capszoo.data.graph_files import as_graph
from capszoo.files import write_text
from capszoo.visualization import data_sets
from capszoo.visualization.figures import check_matplotlib
from capszoo.visualization.figures import name_of
from capszoo.visualization.generated import draw_real
from capszoo.visualization.generated import drawings_beside_real
from capszoo.visualization.generated import drawings_of_generator
from capszoo.visualization.label_maps import draw_label_map
from capszoo.visualization.localizations import draw_localization
from capszoo.visualization.nodes import draw_nodes
from capszoo.visualization.nodes import why_no_nodes
from capszoo.visualization.page import Part
from capszoo.visualization.page import render_page
from capszoo.visualization.parse_trees import draw_parse_tree
from capszoo.visualization.parse_trees import why_no_parse_tree
from capszoo.visualization.parts import drawings_of
from capszoo.visualization.picture_rows import draw_neighbours
from capszoo.visualization.picture_rows import draw_surprises
from capszoo.visualization.pose_changes import draw_pose_changes
from capszoo.visualization.reconstructions import draw_reconstructions
from capszoo.visualization.reconstructions import why_no_reconstructions
from capszoo.visualization.scores import draw_scores
from capszoo.visualization.vote_maps import draw_vote_maps
from capszoo.visualization.vote_maps import why_no_vote_maps
from capszoo.visualization.words import draw_words

# Each has a few pictures of its own.
MOST_EXAMPLES = 20


def explain(
    model,
    x,
    directory,
    *,
    names=None,
    labels_of_examples=None,
    test=None,
    train=None,
) -> pathlib.Path:
    """Writes a page on what a model makes of examples, with the PNG files it shows.

    What does not apply to a model is left out, and the page says why.

    Args:
        model: A `capszoo.models.CapsuleModel`.
        x: Examples, as the model takes them, at most 20.
        directory: Where to write; must not exist, or be empty.
        names: Names of the classes. Defaults to `None`, numbers.
        labels_of_examples: What each example is called on the page, such as its file. Defaults
            to `None`, numbers.
        test: Pair of examples and integer labels, for what needs a whole data set: confusions,
            the mistakes it was surest of, the map of poses. Defaults to `None`, left out.
        train: Examples of the training data, for the nearest ones in pose space. Defaults to
            `None`, left out.

    Returns:
        Path of the page, `index.html`.

    Raises:
        ImportError: If Matplotlib or Jinja2 is not installed.
        ValueError: If there are no examples, too many or not such as the model takes, or the
            directory holds something.

    Example:

    >>> model = capszoo.load("capsnet_digits")
    >>> images, labels = capszoo.data.load("digits", "test")
    >>> page = capszoo.visualization.explain(model, images[:1], "explained")
    >>> page.name, len(list(page.parent.glob("*.png")))
    ('index.html', 4)
    """
    check_matplotlib()
    if importlib.util.find_spec("jinja2") is None:
        raise ImportError('The page needs Jinja2: pip install "capszoo[plots]"')
    directory = pathlib.Path(directory)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ValueError(f"Expected a directory that is empty or not there. Received: {directory}")
    if not 1 <= len(x) <= MOST_EXAMPLES:
        raise ValueError(f"Expected 1 to {MOST_EXAMPLES} examples. Received: {len(x)}")
    model.check_whole(model.to_arrays(x))
    titles = labels_of_examples or [f"example {number}" for number in range(1, len(x) + 1)]
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Written beside its place and moved there: nobody finds half a page.
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".explained-") as folder:
        pages = _Pages(model, pathlib.Path(folder), names)
        examples = [
            {"title": str(title), "parts": pages.of_example(one, number)}
            for number, (title, one) in enumerate(zip(titles, x, strict=True), start=1)
        ]
        of_data = [] if test is None else pages.of_data(x, titles, test, train)
        page = render_page(model, pages.of_model(), examples, of_data)
        write_text(pathlib.Path(folder) / "index.html", page)
        os.chmod(folder, 0o755)
        if directory.exists():
            directory.rmdir()
        shutil.copytree(folder, directory)
    return directory / "index.html"


class _Pages:
    """Draws the parts of a page into a folder."""

    def __init__(self, model, folder, names):
        self.model, self.folder, self.names = model, folder, names

    def of_example(self, example, number):
        task = getattr(self, f"_{self.model.task}", None)
        if task is None:
            return [Part("Nothing", reason=f"models that do {self.model.task} are not explained")]
        return task(example, f"example_{number}")

    def _classification(self, example, name):
        model, names = self.model, self.names
        examples = _alone(example)
        scores = model.predict(examples, verbose=0)[0]
        parts = [
            self._part(
                "Scores",
                "How present each class is; they need not sum to one.",
                f"{name}_scores",
                lambda: draw_scores(scores, names),
            )
        ]
        if hasattr(model, "words") and isinstance(example, str):
            texts, best = [str(example)], name_of(int(scores.argmax()), names)
            parts.append(
                self._part(
                    "Words",
                    "How much of the class's votes came from each word.",
                    f"{name}_words",
                    lambda: draw_words(texts, model.words(texts), [best]),
                )
            )
            return parts
        if hasattr(model, "node_shares") and not isinstance(example, np.ndarray):
            graph, best = as_graph(example), name_of(int(scores.argmax()), names)
            parts.append(
                self._part(
                    "Nodes",
                    "How much of what the class was given came from each node.",
                    f"{name}_nodes",
                    lambda: draw_nodes(graph, model.node_shares(examples)[0], best),
                    why_no_nodes(graph),
                )
            )
            return parts
        return [
            *parts,
            self._part(
                "Votes",
                "Bright places gave the class a large share of their capsules. Shares begin alike "
                "for all classes; each iteration gives more to the class that a capsule's votes "
                "agree with.",
                f"{name}_votes",
                lambda: draw_vote_maps(model, example, names=names),
                why_no_vote_maps(model),
            ),
            self._part(
                "Reconstructions",
                "What the decoder makes of the capsule of the best class, and of the second best: "
                "what the network took the picture for, and what else it could have been.",
                f"{name}_reconstructions",
                lambda: draw_reconstructions(model, examples, names),
                why_no_reconstructions(model),
            ),
            self._part(
                "Pose",
                "Each row changes one number of the best class's capsule: what the number stands "
                "for shows in how the picture changes.",
                f"{name}_pose",
                lambda: draw_pose_changes(model, example, names=names),
                why_no_reconstructions(model),
            ),
            self._part(
                "Parse tree",
                "Thick lines are large shares of what a capsule was given.",
                f"{name}_parse_tree",
                lambda: draw_parse_tree(model, example, names=names),
                why_no_parse_tree(model),
            ),
        ]

    def _localization(self, example, name):
        scores, *others = self._classification(example, name)
        there = self._part(
            "Localization",
            "What of each frame belongs to the best class.",
            f"{name}_localization",
            lambda: draw_localization(self.model, example, self.names),
            None if "localization" in self.model.output else "it is built not to localize",
        )
        return [scores, there, *others]

    def _segmentation(self, example, name):
        return [
            self._part(
                "Label map",
                "The classes of pixels in colour; of a volume its middle slices.",
                f"{name}_label_map",
                lambda: draw_label_map(self.model, example, self.names),
            )
        ]

    def _reconstruction(self, example, name):
        of_example = drawings_of(self.model, example)
        return [self._part(one[1], one[2], f"{name}_{one[0]}", *one[3:]) for one in of_example]

    def _generation(self, example, name):
        return [
            self._part(
                "Realness",
                "How real the discriminator takes this picture to be, from 0 to 1.",
                f"{name}_realness",
                lambda: draw_real(self.model, example),
            )
        ]

    def of_model(self):
        """What needs no example."""
        if self.model.task != "generation":
            return []
        return self._drawn(drawings_of_generator(self.model))

    def of_data(self, x, titles, test, train):
        model, names = self.model, self.names
        examples, labels = test
        if model.task == "generation":
            return self._drawn(drawings_beside_real(model, examples))
        pictures = len(model.example_shape) == 3
        if model.task == "localization" and labels.ndim > 2:
            # Masks hold the class and one more.
            labels = labels.max(axis=(1, 2, 3)).astype("int64") - 1
        classifies = model.task in ("classification", "localization")
        reason = None if classifies else "it does not classify"
        parts = [
            self._part(
                "Confusions",
                f"{len(labels)} examples of the test data.",
                "confusions",
                lambda: data_sets.draw_confusion(
                    data_sets.confusion(model, examples, labels), names
                ),
                reason,
            ),
            self._part(
                "Map of poses",
                "Each point is an example; those whose capsules hold alike poses lie together.",
                "pose_map",
                lambda: data_sets.draw_pose_map(model, examples, labels, names),
                reason or (None if "poses" in model.output else "it has no class capsules"),
            ),
            self._part(
                "Surprises",
                "The mistakes that the model was surest of.",
                "surprises",
                lambda: draw_surprises(model, examples, labels, names),
                reason or (None if pictures else "they are drawn of pictures alone"),
            ),
        ]
        if train is not None:
            parts.append(
                self._part(
                    "Neighbours",
                    "The training examples whose capsule of the class is nearest.",
                    "neighbours",
                    lambda: draw_neighbours(model, x, titles, train),
                    reason or (None if pictures else "they are drawn of pictures alone"),
                )
            )
        return parts

    def _drawn(self, drawings):
        return [self._part(one[1], one[2], one[0], *one[3:]) for one in drawings]

    def _part(self, title, text, name, draw: Callable[[], Any], reason=None):
        if reason is None:
            figure = draw()
            if figure is not None:
                figure.savefig(self.folder / f"{name}.png", bbox_inches="tight")
                return Part(title, text, f"{name}.png")
            reason = "there are none"
        return Part(title, text, reason=reason)


def _alone(example):
    return [example] if isinstance(example, str) else np.asarray(example)[None]
