"""Dynamic routing of dense capsules on a GPU, whose votes are never written."""

from capszoo.kernels import fused_passes
from capszoo.kernels.dynamic_passes import route_by_passes


def supports(votes, **_):
    """Tells whether fused passes beat all votes at once here."""
    return fused_passes.beat_all_votes(votes)


def run(votes, bias, iterations, leaky, **options):
    """Computes what `DynamicRouting` does, see `route_by_passes`."""
    passes = fused_passes.FusedPasses(leaky)
    return route_by_passes(passes, *votes.dense_factors(), bias, iterations, **options)
