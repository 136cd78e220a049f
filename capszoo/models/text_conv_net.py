"""TextConvNet: n-grams of words and the largest answer of each filter, no capsules."""

from collections.abc import Sequence

import keras
from keras import ops

from capszoo.kinds import Count
from capszoo.kinds import Share
from capszoo.kinds import TextShape
from capszoo.losses import NegativeLogLikelihood
from capszoo.models.inputs import TokenInput
from capszoo.models.ngrams import convolve
from capszoo.models.ngrams import embed
from capszoo.models.plain_scores import plain_scores
from capszoo.models.registry import register_family
from capszoo.models.tasks import CapsuleClassifier
from capszoo.validation import invalid_value_error


@register_family("text_conv_net")
@keras.saving.register_keras_serializable(package="capszoo")
class TextConvNet(CapsuleClassifier):
    """A convolutional network for texts, which capsules are measured beside.

        words - n-grams, ReLU - largest of each filter over the text - dropout - softmax

    It has no capsules: its scores are the one output. What stands behind the end of a text is left
    out, as in `TextCapsNet`.

    Args:
        text_shape: `(length, size)`: how many words of a text count, and how many numbers there
            are for words, two of which are no word. Defaults to `(64, 10000)`.
        num_classes: How many classes there are. Defaults to `3`.
        embedding_dim: Size of a word's vector. Defaults to `300`.
        ngram_sizes: How many words an n-gram has, several numbers. Defaults to `(3, 4, 5)`.
        ngram_filters: Filters of each convolution. Defaults to `100`.
        dropout: Share of the pooled features left out in training. Defaults to `0.5`.
        **kwargs: Arguments of `capszoo.models.CapsuleClassifier`, without a decoder, and of
            `capszoo.models.inputs.TokenInput`.

    Input shape:
        A list or array of strings; or `(batch, length)`, the numbers of words.

    Output shape:
        A dictionary of scores `(batch, num_classes)` alone, which sum to 1 (of a single class, a
        number from 0 to 1); `predict` gives them.

    Raises:
        ValueError: If a size is not a positive integer or an option unknown.

    Example:

    >>> model = capszoo.models.TextConvNet((8, 100), num_classes=2, vocabulary="who where")
    >>> model.predict(["Who are you?"], verbose=0).shape
    (1, 2)

    Reference:

    - [Kim, 2014](https://arxiv.org/abs/1408.5882)
    """

    input_end = TokenInput

    def __init__(
        self,
        text_shape: TextShape = (64, 10_000),
        num_classes: Count = 3,
        embedding_dim: Count = 300,
        ngram_sizes: Sequence[Count] = (3, 4, 5),
        ngram_filters: Count = 100,
        dropout: Share = 0.5,
        **kwargs,
    ):
        if not ngram_sizes or len(set(ngram_sizes)) < len(ngram_sizes):
            raise invalid_value_error("ngram_sizes", "numbers of words that differ", ngram_sizes)
        super().__init__(text_shape=text_shape, num_classes=num_classes, **kwargs)

    def body(self, features, dtype):
        _, size = self.text_shape
        vectors, there = embed(features, size, self.embedding_dim, dtype)
        pooled = []
        for words in self.ngram_sizes:
            found, has_words = convolve(
                vectors, there, self.ngram_filters, words, 1, dtype, f"conv_{words}"
            )
            # No answer is less than 0, so that one left out is never the largest.
            found = found * ops.expand_dims(ops.cast(has_words, found.dtype), -1)
            pooled.append(ops.max(found, axis=1))
        found = ops.concatenate(pooled, axis=-1)
        found = keras.layers.Dropout(self.dropout, dtype=dtype, name="dropout")(found)
        return (plain_scores(found, self.num_classes),)

    def default_loss(self):
        return NegativeLogLikelihood()
