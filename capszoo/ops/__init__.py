"""Pure functions on tensors: norms, squashes, convolution, votes."""

from capszoo.ops.convolution import conv
from capszoo.ops.convolution import conv2d
from capszoo.ops.convolution import extract_patches
from capszoo.ops.coupling import agreement
from capszoo.ops.coupling import couple
from capszoo.ops.coupling import sum_children
from capszoo.ops.coupling import uniform_coupling
from capszoo.ops.labels import multi_hot
from capszoo.ops.layout import contiguous
from capszoo.ops.lazy_votes import Geometry
from capszoo.ops.lazy_votes import LazyVotes
from capszoo.ops.mixtures import log_normalize
from capszoo.ops.mixtures import mass_and_shares
from capszoo.ops.norms import SQUASHES
from capszoo.ops.norms import log_sigmoid
from capszoo.ops.norms import safe_norm
from capszoo.ops.norms import squash
from capszoo.ops.norms import squash_vjp
from capszoo.ops.precision import in_float32
from capszoo.ops.resizing import resize
from capszoo.ops.transposed_votes import transposed_type_votes
from capszoo.ops.votes import block_diagonal
from capszoo.ops.votes import dense_votes
from capszoo.ops.votes import position_votes
from capszoo.ops.votes import type_votes
from capszoo.ops.windows import Windows
