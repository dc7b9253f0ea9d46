"""Mixed precision under PyTorch's names: products in half precision, the rest in float32, and a loss that is scaled.

    scaler = amp.GradScaler()
    for x, target in loader:
        with amp.autocast("cuda", "float16"):
            loss = F.cross_entropy(model(x), target)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

`train.fit(..., amp="float16")` does the same. Parameters stay in float32, and so do their gradients; only what is
computed is in half precision. That saves memory and, on GPUs, time. NumPy computes in half precision more slowly than
in single: on the CPU this is for tests, and it warns of overflow where GPUs are silent, which
`numpy.errstate(over="ignore", invalid="ignore")` stops.
Micikevicius et al. 2018, Mixed Precision Training.
"""

from .autocast_mode import autocast, get_autocast_dtype, is_autocast_enabled
from .grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast", "get_autocast_dtype", "is_autocast_enabled"]
