"""PyTorch's answer to every op: `TORCH[name]` takes torch tensors and the op's own parameters.

Everything here is differentiable by PyTorch where the op is, so that gradients can be compared as well. A file a
family, as in `minigrad/ops/`. Only the parity tests import this package.
"""

from families import merged

TORCH = merged(__path__, __name__, "TORCH")
