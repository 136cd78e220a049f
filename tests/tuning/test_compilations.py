import os

import keras
import numpy as np
import pytest
from keras import ops

from capszoo.tuning.compilations import kept_compilations

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="other backends compile nothing worth keeping"
)


def compile_something(size):
    import jax

    x = np.linspace(0.1, 1.0, size * size).reshape(size, size).astype("float32")

    def draw(x):
        # Enough to take longer than what is too short to keep.
        vectors = [keras.random.truncated_normal((size,), seed=seed) for seed in range(16)]
        return ops.sum(sum(vectors) @ x)

    made = jax.jit(draw)(x)
    # A number: comparing arrays would compile something else.
    return float(made)


@pytest.fixture
def no_cache():
    """JAX without the cache that the tests use."""
    import jax

    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", None)
    yield
    jax.config.update("jax_compilation_cache_dir", before)


def test_what_is_compiled_within_is_kept_in_the_folder(no_cache, tmp_path):
    import jax

    compile_something(61)
    with kept_compilations(tmp_path / "compiled"):
        first = compile_something(67)
        kept = sorted(os.listdir(tmp_path / "compiled"))
        assert kept
        jax.clear_caches()
        assert compile_something(67) == first
        assert sorted(os.listdir(tmp_path / "compiled")) == kept
    assert jax.config.jax_compilation_cache_dir is None
    compile_something(71)
    assert sorted(os.listdir(tmp_path / "compiled")) == kept


def test_a_cache_of_the_user_is_left_alone(no_cache, tmp_path):
    import jax

    jax.config.update("jax_compilation_cache_dir", str(tmp_path / "own"))
    with kept_compilations(tmp_path / "compiled"):
        assert jax.config.jax_compilation_cache_dir == str(tmp_path / "own")
    assert not (tmp_path / "compiled").exists()
