"""TextCapsNet: n-grams of words, primary, convolutional and class capsules."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from capszoo import routing as routings
from capszoo.kinds import Count
from capszoo.kinds import Share
from capszoo.kinds import TextShape
from capszoo.layers import CapsuleLength
from capszoo.layers import CapsuleWindows1D
from capszoo.layers import PrimaryCapsules1D
from capszoo.layers import SharedCapsules
from capszoo.losses import MarginLoss
from capszoo.models.inputs import TokenInput
from capszoo.models.inputs.token_input import as_texts
from capszoo.models.kinds import RoutingLike
from capszoo.models.ngrams import convolve
from capszoo.models.ngrams import embed
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier
from capszoo.models.word_votes import seen_words
from capszoo.validation import invalid_value_error

# As in the code of the paper: its own squash, and no bias.
PAPER_ROUTING = {"name": "dynamic", "squash": "text", "use_bias": False}


@register_family("text_capsnet")
@keras.saving.register_keras_serializable(package="capszoo")
class TextCapsNet(CapsuleClassifier):
    """The capsule network for texts.

        words - n-grams, ReLU - primary capsules - convolutional capsules - class capsules - length

    The children of a convolutional capsule are the primary capsules in the window around it, those
    of a class capsule all convolutional capsules; all children share one transform, so that the
    number of parameters does not depend on the length of texts. With several `ngram_sizes` there
    are as many such networks on one embedding, and a class's pose is the mean of theirs
    (capsule-B of the paper; a single size is capsule-A). A class's score is the length of its pose.

    One more class capsule, the orphan category, takes what belongs to no class, such as words that
    stand in every text; it is no output and has no part in the loss. What else the paper has
    against noise are options of dynamic routing, `leaky` and `amend_coefficients`.

    Unlike in the paper's code, what stands behind the end of a text is left out everywhere, and
    n-grams and capsules begin at each step up to the last word. Words are learnt from scratch.

    Args:
        text_shape: `(length, size)`: how many words of a text count, and how many numbers there
            are for words, two of which are no word. Defaults to `(64, 10000)`.
        num_classes: How many classes there are. Defaults to `3`.
        embedding_dim: Size of a word's vector. Defaults to `300`.
        ngram_sizes: How many words an n-gram has, one number or several. Defaults to `3`.
        ngram_filters: Filters of the convolution over words. Defaults to `32`.
        ngram_strides: Step between n-grams in words. Defaults to `2`.
        primary_types: How many types of primary capsules there are. Defaults to `16`.
        capsule_types: How many types of convolutional capsules. Defaults to `16`.
        capsule_kernel_size: Window of a convolutional capsule, in n-grams. Defaults to `3`.
        pose_dim: Size of all poses. Defaults to `16`.
        orphan: Whether there is an orphan category. Defaults to `True`.
        dropout: Share of the numbers of words' vectors left out in training. Defaults to `0.0`.
        routing: How parents are computed: a name of `capszoo.routing.names()`, a config or a
            `capszoo.routing.Routing`. Defaults to the paper's, `"dynamic"` with the squash of text
            capsules and without bias.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier`, without a decoder, and of
            `capszoo.models.inputs.TokenInput`.

    Input shape:
        A list or array of strings; or `(batch, length)`, the numbers of words.

    Output shape:
        A dictionary: scores `(batch, num_classes)`, poses `(batch, num_classes, pose_dim)` and
        coupling `(batch, num_classes, children)`; `predict` gives the scores. Children are the
        convolutional capsules: n-gram size by n-gram size, place by place, types fastest.

    Raises:
        ValueError: If a size is not a positive integer or an option unknown.

    Example:

    >>> model = capszoo.models.TextCapsNet((8, 100), num_classes=2)
    >>> model.compile()
    >>> history = model.fit(["who is it ?", "where is it ?"], [0, 1], verbose=0)
    >>> model.predict(["Who are you?"], verbose=0).shape
    (1, 2)

    Reference:

    - [Zhao et al., 2018](https://arxiv.org/abs/1804.00538)
    """

    input_end = TokenInput

    def __init__(
        self,
        text_shape: TextShape = (64, 10_000),
        num_classes: Count = 3,
        embedding_dim: Count = 300,
        ngram_sizes: Count | Sequence[Count] = 3,
        ngram_filters: Count = 32,
        ngram_strides: Count = 2,
        primary_types: Count = 16,
        capsule_types: Count = 16,
        capsule_kernel_size: Count = 3,
        pose_dim: Count = 16,
        orphan: bool = True,
        dropout: Share = 0.0,
        routing: RoutingLike = PAPER_ROUTING,
        **kwargs,
    ):
        if not self._sizes or len(set(self._sizes)) < len(self._sizes):
            allowed = "one number of words, or several that differ"
            raise invalid_value_error("ngram_sizes", allowed, ngram_sizes)
        super().__init__(text_shape=text_shape, num_classes=num_classes, **kwargs)
        self.routing = self.get_layer(f"class_capsules_{self._sizes[0]}").routing

    @property
    def _sizes(self):
        several = isinstance(self.ngram_sizes, (tuple, list))
        return tuple(self.ngram_sizes) if several else (self.ngram_sizes,)

    def body(self, features, dtype):
        _, size = self.text_shape
        vectors, there = embed(features, size, self.embedding_dim, dtype)
        if self.dropout:
            vectors = keras.layers.Dropout(self.dropout, dtype=dtype, name="dropout")(vectors)
        routing = routings.get(self.routing, dtype=dtype)
        if routing.explicit_activations:
            raise ValueError(
                "TextCapsNet needs a routing without explicit activations, such as 'dynamic'. "
                f"Received: {type(routing).__name__}"
            )
        found = [
            self._of_ngrams(vectors, there, words, routings.serialize(routing), dtype)
            for words in self._sizes
        ]
        poses, coupling = zip(*found, strict=True)
        poses = (
            poses[0]
            if len(found) == 1
            else keras.layers.Average(dtype=dtype, name="mean_poses")(list(poses))
        )
        coupling = coupling[0] if len(found) == 1 else ops.concatenate(coupling, axis=-1)
        # Without the orphan category.
        poses, coupling = poses[:, : self.num_classes], coupling[:, : self.num_classes]
        return CapsuleLength(dtype="float32", name="scores")(poses), poses, coupling

    def _of_ngrams(self, vectors, there, words, routing, dtype):
        """The poses and couplings of class capsules that see n-grams of one length."""
        features, there = convolve(
            vectors, there, self.ngram_filters, words, self.ngram_strides, dtype, f"conv_{words}"
        )
        poses = PrimaryCapsules1D(
            self.primary_types,
            self.pose_dim,
            1,
            squash="text",
            # Short poses would vanish: each squash of a short one gives its square.
            kernel_initializer=keras.initializers.TruncatedNormal(stddev=self.ngram_filters**-0.5),
            bias_initializer=keras.initializers.Constant(0.1),
            dtype=dtype,
            name=f"primary_capsules_{words}",
        )(features)
        children, mask = CapsuleWindows1D(
            self.capsule_kernel_size, dtype=dtype, name=f"windows_{words}"
        )(poses, mask=there)
        poses = SharedCapsules(
            self.capsule_types,
            self.pose_dim,
            routing=routing,
            kernel_initializer=self._as_long(),
            dtype=dtype,
            name=f"conv_capsules_{words}",
        )(children, mask=mask)
        flat = (poses.shape[1] * self.capsule_types, self.pose_dim)
        return SharedCapsules(
            self.num_classes + self.orphan,
            self.pose_dim,
            routing=routing,
            kernel_initializer=self._as_long(),
            dtype=dtype,
            name=f"class_capsules_{words}",
        )(
            keras.layers.Reshape(flat, dtype=dtype, name=f"children_{words}")(poses),
            mask=ops.repeat(there, self.capsule_types, axis=-1),
            return_coupling=True,
        )

    def _as_long(self):
        """Initial transforms that keep the length of a pose on average."""
        return keras.initializers.TruncatedNormal(stddev=self.pose_dim**-0.5)

    def words(self, texts, batch_size: int = 32) -> list[list[tuple[str, float]]]:
        """Says which words voted for the predicted class.

        What a convolutional capsule gives the class is its coupling times its length; it is divided
        among the words in its window, by the number of the window's n-grams that each stands in.

        Args:
            texts: A list or array of strings.
            batch_size: How many texts are computed at a time. Defaults to `32`.

        Returns:
            For each text its words, as many as count, each with its share of all that was given;
            the shares of a text sum to 1.

        Raises:
            ValueError: If something is no text, or the model knows no words yet.
        """
        texts = as_texts([texts] if isinstance(texts, str) else texts)
        ids = self.to_arrays(texts)
        layers = [self.get_layer(f"conv_capsules_{words}") for words in self._sizes]
        names = ("scores", "coupling")
        seen = keras.Model(
            self.inputs, [*(self.output[name] for name in names), *(one.output for one in layers)]
        )
        scores, coupling, *poses = seen.predict(ids, batch_size=batch_size, verbose=0)
        given = coupling[np.arange(len(texts)), scores.argmax(axis=-1)]
        given = given * np.concatenate(
            [np.linalg.norm(one, axis=-1).reshape(len(texts), -1) for one in poses], axis=-1
        )
        given = given.reshape(len(texts), len(layers), -1, self.capsule_types).sum(axis=-1)
        return [
            self._words_of(self._ends.input.tokenizer.words(text), own)
            for text, own in zip(texts, given, strict=True)
        ]

    def _words_of(self, words, given):
        """The words of a text, with their shares of what each place of each n-gram size gave."""
        length, _ = self.text_shape
        window = (self.ngram_strides, self.capsule_kernel_size, len(words))
        shares = sum(
            own @ seen_words(length, len(own), size, *window)
            for size, own in zip(self._sizes, given, strict=True)
        )
        shares = shares[: len(words)] / max(shares.sum(), np.finfo("float32").tiny)
        return [(word, float(share)) for word, share in zip(words, shares, strict=True)]

    @classmethod
    def search_arguments(cls, values):
        found = super().search_arguments(values)
        if "smallest_ngram" in found:
            smallest, lengths = found.pop("smallest_ngram"), found.pop("ngram_lengths", 1)
            several = list(range(smallest, smallest + lengths))
            found["ngram_sizes"] = smallest if lengths == 1 else several
        if isinstance(found.get("routing"), dict) and found["routing"]["name"] == "dynamic":
            found["routing"] = {**PAPER_ROUTING, **found["routing"]}
        return found

    def default_loss(self):
        return MarginLoss(negative_weight=0.25)
