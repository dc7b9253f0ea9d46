"""Linear algebra: matmul and einsum as primitives, linear as a fused op."""

from __future__ import annotations

from math import prod
from string import ascii_letters
from typing import Any

from ..backend import library_of, namespace
from ..backend import matrix_product as times
from ..fused import fused
from ..misuse import named
from ..op import op
from ..variadic import Variadic
from .kernels import kernel
from .reductions import sum
from .shape import broadcast_to, expand_dims, normalized, ordinals, permute_dims, reshape, swapaxes

__all__ = ["einsum", "linear", "matmul"]

# --- matmul ---------------------------------------------------------------------------------------------------


@op
def matmul(a, b):
    """a (..., m, k)   b (..., k, n)   ->   y (..., m, n)

    Leading axes broadcast. A one-dimensional a is a row (k,), a one-dimensional b a column (k,); the result lacks
    that axis.
    """
    try:
        return times(a, b)
    except ValueError:
        raise ValueError(misfit(getattr(a, "shape", ()), getattr(b, "shape", ()))) from None

matmul.gradient(
    a=lambda g, a_shape, b: times_transposed(g, b, a_shape),        # (m, n) (n, k)
    b=lambda g, a, b_shape: transposed_times(a, g, b_shape),        # (k, m) (m, n)
)


def misfit(a: tuple[int, ...], b: tuple[int, ...]) -> str:
    """Why there is no product of arrays of these shapes."""
    shapes = f"(a {a}, b {b})"
    if not a or not b:
        return f"matmul: a and b need at least one axis, a number is multiplied with * {shapes}"
    columns, rows = a[-1], b[-2:][0]
    if columns != rows:
        return f"matmul: {columns} columns of a against {rows} rows of b {shapes}"
    return f"matmul: the leading axes do not broadcast {shapes}"


def times_transposed(g, b, a_shape):
    """g @ b^T, the gradient of a: (..., m, n) (..., n, k) -> (..., m, k)."""
    if len(b.shape) == 1:
        return g * b if len(a_shape) == 1 else expand_dims(g, -1) * b                       # (..., m, 1) (k,)
    if len(a_shape) == 1:
        return sum(expand_dims(g, -2) * b, -1)                                                # (..., 1, n) (..., k, n)
    return matmul(g, swapaxes(b, -1, -2))


def transposed_times(a, g, b_shape):
    """a^T @ g, the gradient of b: (..., k, m) (..., m, n) -> (..., k, n)."""
    if len(a.shape) == 1:
        return a * g if len(b_shape) == 1 else expand_dims(a, -1) * expand_dims(g, -2)      # (k, 1) (..., 1, n)
    if len(b_shape) == 1:
        return sum(a * expand_dims(g, -1), -2)                                                # (..., m, k) (..., m, 1)
    if len(b_shape) == 2 and len(a.shape) > 2:                                              # one product, no batch
        m = prod(a.shape[:-1])
        return matmul(swapaxes(reshape(a, (m, a.shape[-1])), 0, 1), reshape(g, (m, g.shape[-1])))
    return matmul(swapaxes(a, -1, -2), g)


# --- einsum ---------------------------------------------------------------------------------------------------

@Variadic
def contract(operands, subscripts):
    """einsum with explicit output, no ellipsis and no letter twice in one operand; `einsum` brings it to this form."""
    first = operands[0]
    rounded = library_of(first) == "numpy" and all([a.dtype == "float16" for a in operands])    # it adds up in float16
    if first.dtype.kind == "V" or rounded:                          # bfloat16, which the libraries' einsum refuses
        return contract([a.astype("float32") for a in operands], subscripts).astype(first.dtype)
    if len(operands) == 2 and library_of(first) == library_of(operands[1]) == "numpy":
        y = matrix_product(first, operands[1], subscripts)
        if y is not None:
            return y
    return namespace(first).einsum(subscripts, *operands)

contract.gradient(operands=lambda g, i, arrays, subscripts: contracted_back(g, i, arrays, subscripts))


def matrix_product(a, b, subscripts):
    """The same of two operands by matmul, many times as fast as NumPy's loops; None where it is no product of matrices.

    a (*batch, *rows, *summed)   b (*batch, *summed, *columns)   ->   y (*batch, *rows, *columns), in any order of axes
    """
    inputs, output = subscripts.split("->")
    left, right = inputs.split(",")
    size, sizes = dict(zip(left, a.shape, strict=True)), dict(zip(right, b.shape, strict=True))
    batch = [c for c in left if c in right and c in output]
    summed = [c for c in left if c in right and c not in output]
    rows, columns = [c for c in left if c not in right], [c for c in right if c not in left]
    fits = summed and rows and columns and set(rows + columns) <= set(output) \
        and all([size[c] == sizes[c] for c in batch + summed]) and a.dtype == b.dtype and a.dtype in ("f4", "f8")
    if not fits:
        return None
    size |= sizes
    stack, m, k, n = [tuple([size[c] for c in part]) for part in (batch, rows, summed, columns)]
    a = a.transpose([left.index(c) for c in batch + rows + summed]).reshape(*stack, prod(m), prod(k))
    b = b.transpose([right.index(c) for c in batch + summed + columns]).reshape(*stack, prod(k), prod(n))
    found = batch + rows + columns
    return times(a, b).reshape(*stack, *m, *n).transpose([found.index(c) for c in output])


def contracted_back(g, i, arrays, subscripts):
    """The gradient of the i-th operand: the same product with g in its place, repeated along what only it had, be it a
    letter or, where a letter has length 1 in all others, its length."""
    inputs, output = subscripts.split("->")
    letters = inputs.split(",")
    wanted, others = letters[i], [a for k, a in enumerate(arrays) if k != i]
    known = set(output).union(*[part for k, part in enumerate(letters) if k != i])
    found = "".join([c for c in wanted if c in known])
    spec = ",".join([output, *[part for k, part in enumerate(letters) if k != i]]) + "->" + found
    gx = contract([g, *others], spec)
    sizes = dict(zip(found, gx.shape, strict=True))
    shape = tuple([n if sizes.get(c, 1) == 1 else sizes[c] for c, n in zip(wanted, arrays[i].shape, strict=True)])
    if gx.shape == shape:
        return gx
    return broadcast_to(reshape(gx, tuple([sizes.get(c, 1) for c in wanted])), shape)


@named
def einsum(subscripts: str, *operands: Any) -> Any:
    """Sums of products by index letters, as numpy.einsum: "ij,jk->ik", "bij->b", "ii->i", "...ij,...jk->...ik".

    Without "->" the output has the letters that occur once, in alphabetical order. A letter twice in one operand
    picks its diagonal; an ellipsis stands for broadcast leading axes.
    """
    if not isinstance(subscripts, str):
        raise TypeError(f'einsum: expected subscripts such as "ij,jk->ik" first, {type(subscripts).__name__} came')
    inputs, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum: {subscripts!r} names {len(terms)} operands, {len(operands)} came")
    spare = iter([c for c in ascii_letters if c not in subscripts])
    terms, batch = without_ellipsis(terms, operands, spare)
    if not arrow:
        output = "..." + "".join(sorted([c for c in set("".join(terms)) - set(batch) if "".join(terms).count(c) == 1]))
    output = output.replace("...", batch)
    unknown = set(output) - set("".join(terms))
    if unknown or len(set(output)) != len(output):
        raise ValueError(f"einsum: the output of {subscripts!r} has a letter twice or one that no operand has")
    check_lengths(terms, operands)
    terms, arrays = without_diagonals(terms, list(operands), spare)
    return contract(arrays, ",".join(terms) + "->" + output)


def without_ellipsis(terms: list[str], operands: Any, spare: Any) -> tuple[list[str], str]:
    """The terms with letters in place of "...", aligned at the right; and those letters."""
    extra = []
    for term, x in zip(terms, operands, strict=True):
        named = len(term.replace("...", ""))
        extra.append(x.ndim - named if "..." in term else 0)
        if x.ndim - named != extra[-1] or extra[-1] < 0:
            raise ValueError(f"einsum: term {term!r} names {named} axes, its operand has shape {x.shape}")
    batch = "".join([next(spare) for _ in range(max(extra))])
    return [term.replace("...", batch[len(batch) - n:]) for term, n in zip(terms, extra, strict=True)], batch


def check_lengths(terms: list[str], operands: Any) -> None:
    """Errors for a letter that stands for axes of different lengths; length 1 fits every other."""
    size: dict[str, int] = {}
    for term, x in zip(terms, operands, strict=True):
        for letter, n in zip(term, x.shape, strict=True):
            if n != 1 and size.setdefault(letter, n) != n:
                raise ValueError(f"einsum: {letter!r} has length {size[letter]} in one operand and {n} in another")


def without_diagonals(terms: list[str], arrays: list, spare: Any) -> tuple[list[str], list]:
    """Every letter once in a term: a second one gets a letter of its own and an identity matrix that ties the two."""
    for k, term in enumerate(list(terms)):
        for at, letter in enumerate(term):
            if letter in term[:at]:
                if arrays[k].shape[at] != arrays[k].shape[term.index(letter)]:
                    raise ValueError(f"einsum: {term!r} has {letter} twice, but its operand of shape {arrays[k].shape} "
                                     "has different lengths there")
                other = next(spare)
                terms[k] = terms[k][:at] + other + terms[k][at + 1:]
                terms.append(letter + other)
                arrays.append(identity(arrays[k], at))
    return terms, arrays


@op
def identity(x, axis):
    """The identity matrix as long as x's `axis`, in x's dtype and on its device."""
    n = x.shape[normalized(axis, len(x.shape))]
    steps = ordinals(x, n)
    return (namespace(x).reshape(steps, (n, 1)) == steps).astype(x.dtype)


# --- linear ---------------------------------------------------------------------------------------------------

@fused
def linear(x, weight, bias=None):
    """Every row of x times a matrix, plus a bias.

    x (..., in)   weight (out, in)   bias (out,)   ->   y (..., out) = x weight^T + bias
    Raises ValueError for shapes that do not fit together.
    """
    y = x @ permute_dims(weight, (1, 0))                              # (..., in) (in, out) -> (..., out)
    return y if bias is None else y + bias

linear.rules(
    x="gx = g weight",
    weight="gweight = g^T x, summed over the batch",
    bias="gbias = g, summed over the batch",
)


def check_linear(x, weight, bias):
    """Errors for shapes that do not fit together."""
    shapes = f"(x {x.shape}, weight {weight.shape})"
    if len(weight.shape) != 2:
        raise ValueError(f"linear: weight must be (out, in) {shapes}")
    if not x.shape or x.shape[-1] != weight.shape[1]:
        raise ValueError(f"linear: weight expects {weight.shape[1]} input features on the last axis of x {shapes}")
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError(f"linear: bias must be {weight.shape[:1]}, one for each output, it is {bias.shape} {shapes}")


linear.checked_by(check_linear)
kernel(linear, "numpy", "linear")
