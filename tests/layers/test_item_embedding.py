"""Items as vectors, and vectors compared with items."""

import json

import keras
import numpy as np
import pytest

from capszoo.layers import ItemEmbedding
from tests.layer_checks import to_numpy


def test_both_directions():
    layer = ItemEmbedding(7, 3)
    found = to_numpy(layer(np.array([[2, -1], [6, 0]])))
    table = to_numpy(layer.embeddings)
    np.testing.assert_array_equal(found, [[table[2], np.zeros(3)], [table[6], table[0]]])
    vectors = np.arange(12, dtype="float32").reshape(2, 2, 3)
    scores = to_numpy(layer(vectors, score=True))
    np.testing.assert_allclose(scores, vectors @ table.T, rtol=1e-5)
    # It is built by what comes first, whichever it is.
    again = ItemEmbedding(7, 3)
    assert tuple(again(vectors, score=True).shape) == (2, 2, 7)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_in_a_graph(policy):
    items = keras.Input((4,), dtype="int32")
    layer = ItemEmbedding(7, 3, dtype=policy)
    vectors = layer(items)
    scores = layer(vectors, score=True)
    assert vectors.dtype == policy.removeprefix("mixed_")
    assert (vectors.shape, scores.shape, scores.dtype) == ((None, 4, 3), (None, 4, 7), "float32")
    model = keras.Model(items, [vectors, scores])
    (variable,) = model.trainable_variables
    assert variable.dtype == "float32"
    found, products = model.predict(np.array([[0, 1, 2, -1]]), verbose=0)
    np.testing.assert_allclose(products[0, :3], found[0, :3] @ to_numpy(variable).T, atol=1e-2)
    assert not products[0, 3].any()


def test_config():
    layer = ItemEmbedding(7, 3, embeddings_initializer="ones")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    assert keras.saving.deserialize_keras_object(config).get_config() == layer.get_config()
    for arguments in ((0, 3), (7, 1.5)):
        with pytest.raises(ValueError, match="positive integer"):
            ItemEmbedding(*arguments)
