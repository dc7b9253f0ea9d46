"""Functions with PyTorch's signatures, thin over the pure ops: they draw the masks and update running statistics.

`dim` is what the ops call `axis`. Inputs are tensors; a layer asked for its output shape passes arrays without values.
"""

from .activations import *
from .attention import *
from .classes import *
from .classification import *
from .conv import *
from .distances import *
from .dropouts import *
from .images import *
from .losses import *
from .normalization import *
from .pooling import *
from .products import *
from .vision import *
