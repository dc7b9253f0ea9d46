"""Products: matmul, einsum, linear."""

import torch
import torch.nn.functional as F

TORCH = {
    "matmul": torch.matmul,
    "einsum": torch.einsum,
    "contract": lambda operands, subscripts: torch.einsum(subscripts, *operands),
    "linear": F.linear,
}
