"""Which ops run in which precision inside `autocast`, and the casts that bring their arguments there.

`amp.autocast` switches it on; `Op.__call__` asks here before a call on tensors. The casts are calls of `astype` like
any other: on the tape, and undone on the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy

from .backend import FLOATS, device_of, is_array
from .tensor import LEAF, Tensor, recording

if TYPE_CHECKING:
    from .op import Op

# PyTorch's lists for CUDA, which it calls lower_precision_fp, fp32 and promote; and what it makes of functions that it
# has composed of others. Ops that are on none run in the precision in which their arguments come.
LOW = """matmul contract linear bilinear tensordot vecdot conv1d conv2d conv2d_relu conv_transpose1d conv_transpose2d
    prelu scaled_dot_product_attention rnn_cell lstm_cell gru_cell""".split()
FULL = """exp exp2 expm1 log log2 log10 log1p logaddexp logsumexp power square reciprocal rsqrt
    acos asin cosh sinh tan softplus sum prod cumulative_sum cumulative_prod
    softmax softmin log_softmax layer_norm rms_norm group_norm local_response_norm norm normalize lp_pool1d lp_pool2d
    cosine_similarity pairwise_distance
    nll_loss cross_entropy kl_div bernoulli_nll binary_cross_entropy binary_cross_entropy_with_logits gaussian_nll_loss
    poisson_nll_loss multilabel_soft_margin_loss mse_loss l1_loss smooth_l1_loss huber_loss cosine_embedding_loss
    triplet_margin_loss hinge_embedding_loss margin_ranking_loss soft_margin_loss multi_margin_loss""".split()
WIDEST = ["scatter_add"]        # NumPy's own promotion does it for concat, where, a + b and others
POLICY: dict[str, str] = {**dict.fromkeys(LOW, "low"), **dict.fromkeys(FULL, "full"), **dict.fromkeys(WIDEST, "widest")}
OURS = f"{__package__}."          # where the ops of the table are: one of a user's own may have the same name
FLOAT32, FLOAT64 = numpy.dtype("float32"), numpy.dtype("float64")

entered: set[int] = set()               # the Casts that there are, in any thread; empty, and no call looks further


@dataclass(frozen=True, eq=False)
class Casts:
    """What an `autocast` that was entered says, and the one around it."""

    dtypes: dict[str, Any]              # kind of device -> the low precision there, None where nothing is cast
    outer: Casts | None
    cached: dict | None                 # (id of a leaf, dtype, recorded?) -> (leaf, array and date then, cast)

    def __post_init__(self) -> None:
        entered.add(id(self))

    def __del__(self) -> None:
        entered.discard(id(self))


casts: ContextVar[Casts | None] = ContextVar("casts", default=None)


def enter(device_type: str, dtype: Any, cache: bool) -> None:
    """Cast from here on as `dtype` says, None: not at all, on devices of this kind."""
    outer = casts.get()
    dtypes = {**(outer.dtypes if outer else {}), device_type: dtype}
    shared = outer.cached if outer else None
    casts.set(Casts(dtypes, outer, ({} if shared is None else shared) if cache else None))


def leave() -> None:
    """As it was before the last `enter`."""
    now = casts.get()
    if now is not None:
        casts.set(now.outer)


@contextmanager
def switched_off() -> Iterator[None]:
    token = casts.set(None)
    try:
        yield
    finally:
        casts.reset(token)


NOTHING = nullcontext()


def as_it_is() -> AbstractContextManager:
    """Context without casts, for the inside of a fused op and for a walk: their precision is decided already."""
    return switched_off() if entered else NOTHING


def recast(op: Op, args: Sequence, astype: Callable) -> Sequence:
    """The arguments in the precision in which the op runs; the same object if they are already, or nobody asked.

    Neither double precision nor whole numbers take part: where one argument is float64, none is cast.
    """
    now, policy = casts.get(), POLICY.get(op.name)
    if now is None or policy is None or not op.module.startswith(OURS):
        return args
    kind = next(device_of(a.data) for a in args if isinstance(a, Tensor)).partition(":")[0]
    low = now.dtypes.get(kind)
    found = {i: a.dtype for i, a in enumerate(args) if isinstance(a, Tensor) or is_array(a)}
    full = FLOAT32 in found.values()
    if low is None or FLOAT64 in found.values() or policy == "widest" and not full:
        return args
    wanted = low if policy == "low" else FLOAT32
    moved = {i for i, dtype in found.items() if dtype != wanted and (dtype == FLOAT32 or is_half(dtype))}
    if not moved:
        return args
    return tuple([cast(a, wanted, now.cached, astype) if i in moved else a for i, a in enumerate(args)])


def is_half(dtype: numpy.dtype) -> bool:
    return dtype.itemsize == 2 and dtype.kind in FLOATS


def cast(x: Any, dtype: Any, cached: dict | None, astype: Callable) -> Any:
    """A tensor or array in another precision. A parameter that is used again, as by every step of a recurrent network,
    is cast once, as long as it has not changed and the walk has not been through the cast."""
    if not isinstance(x, Tensor):
        return x.astype(dtype)
    if cached is None or x.node is not LEAF:
        return astype(x, dtype)
    key = id(x), dtype, bool(recording.get())
    _, data, date, y = cached.get(key, (x, None, 0, None))
    if data is not x.data or date != x.changed[0] or y.node is not None and y.node.saved is None:
        y = astype(x, dtype)
        cached[key] = x, x.data, x.changed[0], y
    return y
