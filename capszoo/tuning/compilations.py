"""What JAX compiled for one trial, kept for the next."""

import contextlib

import keras


@contextlib.contextmanager
def kept_compilations(folder):
    """Keeps in a folder what JAX compiles within, for later trials and for other workers.

    Each trial gives back its memory, compiled functions too, and many trials share their
    shapes: of initializers, of augmentation, of the whole model where Hyperband goes on with it.
    A cache that the user has set up already is used instead. Other backends compile nothing
    that is worth keeping.

    Args:
        folder: Path of the folder; made if need be.
    """
    if keras.backend.backend() != "jax":
        yield
        return
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    if jax.config.jax_compilation_cache_dir:
        yield
        return
    settings = {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": 0.05,
    }
    before = {name: getattr(jax.config, name) for name in settings}
    try:
        _set(settings)
        # JAX looks once whether there is a folder.
        compilation_cache.reset_cache()
        yield
    finally:
        _set(before)
        compilation_cache.reset_cache()


def _set(settings):
    import jax

    for name, value in settings.items():
        jax.config.update(name, value)
