"""Functions and layers take what PyTorch's of the same name take: the same arguments, in the same order, with the same
defaults."""

import ast
import inspect
from functools import cache
from pathlib import Path
from typing import get_overloads

import pytest

from minigrad import nn, optim
from minigrad.nn import functional as F

pytestmark = pytest.mark.parity

# What minigrad adds at the end, by keyword alone.
OURS = {"generator"}
# Arguments of PyTorch's that are about its own machinery and are not taken.
THEIRS = {"_stacklevel", "foreach", "fused", "capturable", "differentiable"}


def functions():
    return sorted(name for name, f in vars(F).items() if inspect.isfunction(f) and not name.startswith("_"))


def classes(module):
    return sorted(name for name, x in vars(module).items() if inspect.isclass(x))


def parameters(function):
    """(name, default) of every parameter but self, in order."""
    return [(p.name, p.default) for p in inspect.signature(function).parameters.values()
            if p.name != "self" and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


@cache
def stubs():
    """Name -> the first definition, in the files where PyTorch states what it has in C++."""
    import torch

    found = {}
    for file in ("nn/functional.pyi", "_C/_nn.pyi", "_C/_VariableFunctions.pyi"):
        for node in ast.walk(ast.parse((Path(torch.__file__).parent / file).read_text())):
            if isinstance(node, ast.FunctionDef):
                found.setdefault(node.name, node)
    return found


def stated(name):
    """The parameters of a function that PyTorch has in C++; a default that its stub does not tell is `...`."""
    args = stubs()[name].args
    found = dict.fromkeys([a.arg for a in [*args.posonlyargs, *args.args]], inspect.Parameter.empty)
    found |= {a: value(d) for a, d in zip(list(found)[::-1], args.defaults[::-1], strict=False)}
    found |= {a.arg: value(d) for a, d in zip(args.kwonlyargs, args.kw_defaults, strict=True)}
    return [(n, ... if d == () else d) for n, d in found.items() if n != "out"]


def value(node):
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ...


def pytorchs(function, name):
    """Those of PyTorch's function; some choose between two others, some are in C++."""
    from torch.nn import functional

    if get_overloads(function):
        return parameters(get_overloads(function)[0])
    try:
        return parameters(function) or parameters(getattr(functional, f"_{name}"))
    except ValueError:
        return stated(name if name in stubs() else function.__name__)


def plain(default):
    """A default by which two libraries can be compared: functions by name, numbers as they are."""
    return getattr(default, "__name__", default)


def compared(mine, theirs):
    """The two lists of parameters, without what either is known to have more."""
    mine = [(n, plain(d)) for n, d in mine if n not in OURS]
    theirs = [(n, plain(d)) for n, d in theirs if n not in THEIRS]
    known = {n for n, d in theirs if d is ...}
    return [(n, ... if n in known else d) for n, d in mine], theirs


def same_name(name, module):
    function = getattr(module, name, None)
    if function is None:
        pytest.fail(f"PyTorch has no {name}")
    return function


# Functions and layers that PyTorch does not have, each with the reason.
ONLY_OURS = {
    "multi_head_attention": "the field's name of multi_head_attention_forward",
    "Normalization": "Keras' layer for the input; PyTorch leaves it to the data",
}


@pytest.mark.parametrize("name", functions())
def test_functions(name):
    from torch.nn import functional

    if name in ONLY_OURS:
        assert not hasattr(functional, name)
        return
    theirs = pytorchs(same_name(name, functional), name)
    mine, theirs = compared(parameters(getattr(F, name)), theirs)
    assert mine == theirs


@pytest.mark.parametrize("name", classes(nn))
def test_layers(name):
    import torch

    if name in ("Module", "Parameter", *ONLY_OURS):
        return
    theirs = same_name(name, torch.nn)
    mine, theirs = compared(parameters(getattr(nn, name)), pytorchs(theirs.__init__, name) if get_overloads(
        theirs.__init__) else parameters(theirs))
    assert mine == theirs


@pytest.mark.parametrize("name", classes(nn))
def test_calls_of_layers(name):
    """What a layer is called on."""
    import torch

    if name in ("Module", "Parameter", "RNNBase", *ONLY_OURS):          # RNNBase is what RNN, LSTM and GRU share
        return
    mine, theirs = getattr(nn, name), same_name(name, torch.nn)
    if not issubclass(mine, nn.Module) or "forward" not in vars(torch.nn.Module) or mine.forward is nn.Module.forward:
        return
    theirs = [(n, d) for n, d in parameters(theirs.forward)]
    assert [n for n, _ in parameters(mine.forward)] == [n for n, _ in theirs]


@pytest.mark.parametrize("name", classes(optim))
def test_optimizers(name):
    import torch

    if name == "Optimizer":
        return
    mine, theirs = compared(parameters(getattr(optim, name)), parameters(same_name(name, torch.optim)))
    assert mine == theirs
