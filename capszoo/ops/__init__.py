"""Pure functions on tensors: norms, squashes, convolution, votes."""

from capszoo.ops.convolution import conv
from capszoo.ops.convolution import conv2d
from capszoo.ops.convolution import extract_patches
from capszoo.ops.labels import count_present
from capszoo.ops.labels import multi_hot
from capszoo.ops.labels import present_classes
from capszoo.ops.layout import contiguous
from capszoo.ops.norms import SQUASHES
from capszoo.ops.norms import log_sigmoid
from capszoo.ops.norms import safe_norm
from capszoo.ops.norms import squash
from capszoo.ops.norms import squash_gradient
from capszoo.ops.precision import in_float32
from capszoo.ops.resizing import resize
from capszoo.ops.softmax import softmax_over_parents
from capszoo.ops.tiles import chunks_per_tile
from capszoo.ops.tiles import rows_per_tile
from capszoo.ops.tiles import scan_and_keep
from capszoo.ops.tiles import scan_chunks
from capszoo.ops.tiles import scan_tiles
from capszoo.ops.transposed_votes import transposed_type_votes
from capszoo.ops.votes import block_diagonal
from capszoo.ops.votes import dense_votes
from capszoo.ops.votes import position_votes
from capszoo.ops.votes import type_votes
from capszoo.ops.windows import Windows
