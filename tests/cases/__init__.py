"""The table: one row an op, the cases from which every proof draws its inputs. A missing row fails a test.

A file a family, as in `minigrad/ops/`; each has `CASES`: name of the op -> its cases. A few rows are of plain functions
over ops, not in `minigrad.op.OPS`: einsum, std, swapaxes, moveaxis, flatten and others.

Inputs lie away from kinks: what is compared (`relu`, `abs`, `max`, pooling) has distinct values with a gap between
them, what is divided by or taken a logarithm of is positive.
"""

import draws
from families import merged

from minigrad import ops
from minigrad.op import OPS
from minigrad.testing import Case
from minigrad.variadic import Variadic

CASES: dict[str, list[Case]] = merged(__path__, __name__, "CASES", before=draws.start)


def call(name, inputs, params, functions=None):
    """The op or function of this name (or its namesake in `functions`) on the inputs and parameters of a case.

    Ops of any number of arrays take them as a list; einsum has its subscripts in front.
    """
    function = functions[name] if functions else OPS.get(name) or getattr(ops, name)
    if isinstance(OPS.get(name), Variadic):
        return function(list(inputs), **params)
    if name == "einsum":
        return function(params["subscripts"], *inputs)
    return function(*inputs, **params)
