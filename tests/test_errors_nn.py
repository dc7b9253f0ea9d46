"""What a student does wrong with modules, containers, first values, optimizers and clipping, and what is said to it."""

import copy

import numpy as np
import pytest
from strict_cupy import installed

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import Module, Parameter, init

P = Parameter(np.ones((2, 3)))


def module():
    return nn.Linear(2, 2)


WRONG = [
    (lambda: module().register_parameter("a.b", P), ValueError, "Linear: 'a.b' cannot name a parameter"),
    (lambda: module().register_parameter("", P), ValueError, "it is empty, has a dot"),
    (lambda: module().register_parameter("forward", P), ValueError, "or is the name of a method"),
    (lambda: module().register_parameter("w", mg.ones(2)), TypeError, "w must be a Parameter or None, Tensor came"),
    (lambda: module().register_buffer("b", nn.Linear(2, 2).weight), TypeError, "b requires gradients, a buffer has"),
    (lambda: module().register_buffer("b", [1.0]), TypeError, "list came"),
    (lambda: module().register_buffer(3, np.ones(2)), TypeError, "the name of a buffer must be a string, 3 came"),
    (lambda: module().register_module("m", P), TypeError, "Linear: m must be a Module, Parameter came"),
    (lambda: module().add_module("train", nn.ReLU()), ValueError, "'train' cannot name a module"),
    (lambda: Module()(mg.ones(1)), TypeError, "Module cannot be called: it has no forward method"),
    (lambda: nn.ModuleDict({"a": nn.ReLU()})(mg.ones(1)), TypeError, "ModuleDict cannot be called"),
    (lambda: nn.ParameterList([P])(mg.ones(1)), TypeError, "ParameterList cannot be called"),
    (lambda: copy.deepcopy(held_intermediate()), RuntimeError, "only leaves can be copied deeply"),
    (lambda: nn.Sequential([nn.ReLU()]), TypeError, "Sequential: 0 must be a Module, list came"),
    (lambda: nn.Sequential(nn.ReLU()) + [nn.ReLU()], ValueError, "expects another Sequential, list came"),
    (lambda: nn.Sequential(nn.ReLU()) * 0, ValueError, "expects a number above 0, 0 came"),
    (lambda: nn.Sequential(nn.ReLU()) * 2.0, TypeError, "expects an int, float came"),
    (lambda: nn.ModuleList(nn.ReLU()), TypeError, "extend takes a list of modules, ReLU came"),
    (lambda: nn.ModuleList([nn.ReLU()])[1], IndexError, "ModuleList: index 1, but it holds 1 modules"),
    (lambda: nn.ModuleList([nn.ReLU()]).insert(3, nn.ReLU()), IndexError, "index 3, but it holds 1 modules"),
    (lambda: nn.ModuleList().append(None), TypeError, "ModuleList: 0 must be a Module, None came"),
    (lambda: nn.Sequential().pop(0), IndexError, "Sequential: index 0, but it holds 0 modules"),
    (lambda: nn.Sequential(nn.ReLU()).insert(0, "relu"), TypeError, "insert takes a Module, str came"),
    (lambda: nn.ModuleDict([nn.ReLU()]), ValueError, r"takes \(name, value\) pairs"),
    (lambda: nn.ModuleDict(3), TypeError, "takes a mapping or .* int came"),
    (lambda: nn.ModuleDict({"keys": nn.ReLU()}), ValueError, "'keys' cannot name a module"),
    (lambda: nn.ModuleDict({"a": None}), TypeError, "a must be a Module, None came"),
    (lambda: nn.ParameterList(P), TypeError, "extend takes a list of tensors, Parameter came"),
    (lambda: nn.ParameterList([P])[2], IndexError, "ParameterList: index 2, but it holds 1 values"),
    (lambda: nn.ParameterDict({"a.b": P}), ValueError, "'a.b' cannot name a parameter"),
    (lambda: nn.ParameterDict({"a": P})["b"], KeyError, "ParameterDict has no 'b'; there are a"),
    (lambda: nn.ParameterDict().popitem(), KeyError, "this ParameterDict is empty"),
    (lambda: init.trunc_normal_(P, a=1.0, b=1.0), ValueError, "expected std above 0 and a < b"),
    (lambda: init.trunc_normal_(P, std=0.0), ValueError, "trunc_normal_: expected std above 0"),
    (lambda: init.eye_(Parameter(np.ones(3))), ValueError, r"eye_: expected a matrix, this tensor has shape \(3,\)"),
    (lambda: init.dirac_(P), ValueError, r"dirac_: expected kernels .* this tensor has shape \(2, 3\)"),
    (lambda: init.dirac_(Parameter(np.ones((3, 1, 1))), 2), ValueError, "3 outputs are no multiple of 2 groups"),
    (lambda: init.sparse_(Parameter(np.ones(3)), 0.1), ValueError, "sparse_: expected a matrix"),
    (lambda: init.sparse_(P, 1.5), ValueError, r"a share in \[0, 1\], 1.5 came"),
    (lambda: init.calculate_gain("leaky_relu", "steep"), ValueError, "slope must be a number, 'steep' came"),
    (lambda: init.kaiming_normal_(P, mode="fan"), ValueError, "mode must be 'fan_in' or 'fan_out', 'fan' came"),
    (lambda: nn.Unflatten(1, (2, 2))(mg.ones(1, 6)), ValueError, r"axis 1 has 6 elements, which do not make \(2, 2\)"),
    (lambda: nn.Unflatten(5, (2, 3))(mg.ones(1, 6)), IndexError, r"Unflatten: dim 5 of an input of shape \(1, 6\)"),
    (lambda: nn.Unflatten(1, ()), ValueError, "Unflatten: unflattened_size is empty"),
    (lambda: nn.Linear(2.5, 3), TypeError, "float"),
    (lambda: mg.zeros((2, 0.5)), TypeError, r"^zeros: .*\(2, 0.5\)"),
    (lambda: nn.utils.clip_grad_norm_([np.ones(2)], 1.0), TypeError, "model.parameters.., ndarray came"),
    (lambda: nn.utils.vector_to_parameters(mg.ones(2), [P]), ValueError, "the parameters have 6 elements"),
    (lambda: optim.RMSprop([P], alpha=-1.0), ValueError, "RMSprop: alpha must be at least 0, -1.0 came"),
    (lambda: optim.Adagrad([P], lr_decay=-1.0), ValueError, "Adagrad: lr_decay"),
    (lambda: optim.Adagrad([P], initial_accumulator_value=-1.0), ValueError, "initial_accumulator_value"),
    (lambda: optim.Adadelta([P], rho=1.1), ValueError, r"Adadelta: rho must be in \[0, 1\], 1.1 came"),
    (lambda: optim.Adadelta([P], rho=-0.1), ValueError, "rho must be at least 0"),
    (lambda: optim.NAdam([P], momentum_decay=-1.0), ValueError, "NAdam: momentum_decay"),
    (lambda: optim.NAdam([P], betas=(0.9, 1.0)), ValueError, r"NAdam: betas\[1\] must be in \[0, 1\)"),
    (lambda: optim.RAdam([P], eps=-1.0), ValueError, "RAdam: eps"),
    (lambda: optim.Adamax([P], betas=(1.0, 0.9)), ValueError, r"Adamax: betas\[0\]"),
    (lambda: optim.AdamW([P], weight_decay=-0.1), ValueError, "AdamW: weight_decay must be at least 0"),
    (lambda: optim.Adam([P], momentum=0.9), TypeError, "Adam: has no argument 'momentum'; it has lr, betas"),
    (lambda: module().to("nowhere"), TypeError, "nowhere"),
    (lambda: module().to("cuda:x"), ValueError, "unknown device 'cuda:x'"),
]


def held_intermediate():
    layer = nn.Linear(2, 2)
    layer.made = layer.weight * 2
    return layer


@pytest.mark.parametrize(("call", "kind", "message"), WRONG, ids=range(len(WRONG)))
def test_the_error_names_what_came(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


# --- on a GPU, played by the strict double of CuPy ----------------------------------------------------------------

@pytest.fixture
def gpu():
    with installed():
        yield


def test_a_vector_on_another_device(gpu):
    net = nn.Linear(2, 2).to("cuda")
    with pytest.raises(TypeError, match=r"the vector is on cpu, parameters on cuda:0; vec.to\(...\) mends it"):
        nn.utils.vector_to_parameters(mg.zeros(6), net.parameters())
