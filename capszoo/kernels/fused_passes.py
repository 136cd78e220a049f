"""Passes over the votes of dense capsules on a GPU: one program each."""

import functools
import warnings

import keras
import numpy as np
from keras import ops

from capszoo.kernels.tiles import scan_chunks
from capszoo.ops import couple

# Fewer votes are made in the time that it takes to start a kernel.
_MIN_VOTES = 2_000_000
# Of the votes' gradient at once.
_MAX_GRADIENT_BYTES = 16_000_000


def beat_all_votes(votes):
    """Tells whether `FusedPasses` do here, and beat what XLA makes of the votes.

    Args:
        votes: `capszoo.ops.LazyVotes`.
    """
    if keras.backend.backend() != "jax" or not votes.dense or not has_fitting_gpu():
        return False
    # A kernel of one's own runs on one device.
    if keras.distribution.distribution() is not None:
        return False
    batch, parents, children, pose_dim = votes.shape
    if not isinstance(batch, int) or votes.dtype == "float64":
        return False
    from capszoo.kernels import fused_programs

    enough = batch * parents * children * pose_dim >= _MIN_VOTES
    return enough and fused_programs.suits(votes.poses.shape[-1], parents, pose_dim)


@functools.cache
def has_fitting_gpu():
    """Tells whether JAX has a GPU that the kernels do on: one of NVIDIA's, since Ampere."""
    import jax

    capability = getattr(jax.devices()[0], "compute_capability", "0")
    # AMD's are no numbers.
    fitting = capability.replace(".", "").isdigit() and float(capability) >= 8
    return fitting and _passes_a_trial()


def _passes_a_trial():
    """Does one small pass. Pallas is experimental: another JAX may be unable to compile it."""
    import jax

    generator = np.random.default_rng(0)
    children, kernel, poses = (
        generator.normal(size=shape).astype("float32")
        for shape in ((17, 3, 6), (3, 6, 10, 5), (17, 10, 5))
    )
    expected = np.einsum("bic,icjd,bjd->bij", children, kernel, poses)
    try:
        # Compiled ahead of time, so that it runs now, within whatever is being traced.
        compiled = jax.jit(FusedPasses().iterate).lower(children, kernel, poses).compile()
        _, found = compiled(children, kernel, poses)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    except Exception as error:
        warnings.warn(
            "The kernels of capszoo for a GPU do not work with this JAX; routing does without "
            f"them, which is slower. What went wrong: {error}",
            stacklevel=2,
        )
        return False
    return True


class FusedPasses:
    """`DynamicVotePasses` and `AttentionVotePasses` that never write votes.

    Each is a program of `capszoo.kernels.fused_programs`. Where JAX has a GPU and computes on
    the CPU all the same, they make all votes.

    Args:
        leaky: As in `DynamicRouting`. Defaults to `False`.
        interpret: Whether JAX runs the kernels by itself, on any device: slow, to test them.
            Defaults to `False`.
        gradient_bytes: Size of the part of the votes' gradient that is made at once. Defaults
            to 16 MB.
    """

    def __init__(self, leaky=False, interpret=False, gradient_bytes=_MAX_GRADIENT_BYTES):
        self.leaky = leaky
        self.interpret = interpret
        self.gradient_bytes = gradient_bytes

    def sum_votes(self, children, kernel):
        inputs, child_dim, *shape = kernel.shape
        flat_children = ops.reshape(children, (-1, inputs * child_dim))
        flat_kernel = ops.reshape(kernel, (inputs * child_dim, -1))
        total = ops.matmul(ops.cast(flat_children, "float32"), ops.cast(flat_kernel, "float32"))
        return ops.reshape(total, (-1, *shape))

    def iterate(self, children, kernel, poses, *logits):
        def anywhere(children, kernel, poses, *logits):
            votes = _votes(children, kernel)
            new = sum(logits, ops.einsum("bijd,bjd->bij", votes, poses))
            return ops.einsum("bij,bijd->bjd", self._couple(new), votes), new

        return self._run("iterate", anywhere, children, kernel, poses, *logits, leaky=self.leaky)

    def attend(self, children, kernel, poses, coupling_bias):
        def anywhere(children, kernel, poses, coupling_bias):
            votes = _votes(children, kernel)
            logits = ops.einsum("bijd,bjd->bij", votes, poses)
            coupling = self._couple(logits) + coupling_bias
            return ops.einsum("bij,bijd->bjd", coupling, votes), logits

        return self._run("attend", anywhere, children, kernel, poses, coupling_bias)

    def iterate_vjp(self, children, kernel, sum_gradient, logits, *logits_gradient):
        def anywhere(children, kernel, sum_gradient, logits, *more):
            votes = _votes(children, kernel)
            coupling = self._couple(logits)
            gradient = coupling * ops.einsum("bijd,bjd->bij", votes, sum_gradient)
            gradient = gradient - coupling * ops.sum(gradient, axis=-1, keepdims=True)
            gradient = sum(more, gradient)
            return ops.einsum("bij,bijd->bjd", gradient, votes), gradient

        arrays = (children, kernel, sum_gradient, logits, *logits_gradient)
        return self._run("iterate_vjp", anywhere, *arrays, leaky=self.leaky)

    def votes_vjp(self, children, kernel, couplings, coefficients):
        child_dim = kernel.shape[1]
        dtype = children.dtype
        pairs = [*couplings, *coefficients]
        number = len(couplings)

        def step(carry, children, kernel, *factors):
            coupled = map(self._couple, factors[:number])
            gradient = sum(
                ops.expand_dims(factor, -1) * direction
                for factor, (_, direction) in zip([*coupled, *factors[number:]], pairs, strict=True)
            )
            gradient = ops.cast(ops.reshape(gradient, (*gradient.shape[:2], -1)), dtype)
            flat_kernel = ops.reshape(kernel, (-1, child_dim, gradient.shape[-1]))
            children_gradient = ops.matmul(gradient, ops.transpose(flat_kernel, (0, 2, 1)))
            kernel_gradient = ops.matmul(ops.transpose(children, (0, 2, 1)), gradient)
            return carry, (children_gradient, ops.reshape(kernel_gradient, kernel.shape))

        factors = [_children_first(factor) for factor, _ in pairs]
        arrays = (_children_first(children), kernel, *factors)
        chunks = self._chunks(children.shape[0], kernel.shape)
        _, (children_gradient, kernel_gradient) = scan_chunks(step, (), arrays, chunks)
        return _children_first(children_gradient), kernel_gradient

    def _couple(self, logits):
        return ops.swapaxes(couple(ops.swapaxes(logits, -1, -2), self.leaky), -1, -2)

    def _chunks(self, batch, kernel_shape):
        inputs, _, parents, pose_dim = kernel_shape
        most = max(self.gradient_bytes // (4 * batch * parents * pose_dim), 1)
        return next(
            chunks
            for chunks in range(1, inputs + 1)
            if inputs % chunks == 0 and inputs // chunks <= most
        )

    def _run(self, name, anywhere, *arrays, **options):
        import jax

        from capszoo.kernels import fused_programs

        kernel = functools.partial(getattr(fused_programs, name), **options)
        if self.interpret:
            return kernel(*arrays, interpret=True)
        return jax.lax.platform_dependent(*arrays, cuda=kernel, default=anywhere)


def _votes(children, kernel):
    votes = ops.einsum("bic,icjd->bijd", children, ops.cast(kernel, children.dtype))
    return ops.cast(votes, "float32")


def _children_first(array):
    return ops.swapaxes(array, 0, 1)
