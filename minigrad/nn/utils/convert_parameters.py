"""All parameters as one vector, and back: for second-order methods, for averages of models, for looking at a loss."""

from __future__ import annotations

from collections.abc import Iterable

from ... import ops
from ...tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """The elements of all parameters, one after the other; gradients reach them through it.

    p_1 (...), p_2 (...), ... -> (n,), n the number of all elements. TypeError if there are none.
    """
    return ops.concat([ops.reshape(p, (-1,)) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy the values of a vector, made as `parameters_to_vector` makes it, into the parameters, unrecorded.

    Raises TypeError for what is no tensor, or on another device; ValueError, and then no parameter is changed, for
    another number of elements.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: vec must be a Tensor, {type(vec).__name__} came")
    chosen, start = list(parameters), 0
    n = sum([p.data.size for p in chosen])
    if vec.shape != (n,):
        raise ValueError(f"vector_to_parameters: the parameters have {n} elements, the vector has shape {vec.shape}")
    strangers = {p.device for p in chosen} - {vec.device}
    if strangers:
        raise TypeError(f"vector_to_parameters: the vector is on {vec.device}, parameters on "
                        f"{', '.join(sorted(strangers))}; vec.to(...) mends it")
    for p in chosen:
        p.data[...] = vec.data[start:start + p.data.size].reshape(p.shape)
        p.touch()
        start += p.data.size
