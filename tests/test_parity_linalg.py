"""Products of arrays beside PyTorch's."""

import hypothesis.extra.numpy as hnp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from side_by_side import arrays, same, sides

import minigrad as mg

pytestmark = pytest.mark.parity


def theirs(name):
    """A function of the module torch, looked up when it is called."""
    def call(*args, **options):
        import torch

        return getattr(torch, name)(*args, **options)
    return call


def shapes(low=0, high=3):
    return st.lists(sides(0, 3), min_size=low, max_size=high).map(tuple)


@given(st.data())
def test_matmul(data):
    """Vectors, matrices, batches that stretch, axes of length 0."""
    fitting = hnp.mutually_broadcastable_shapes(signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, min_side=0, max_side=3)
    a, b = data.draw(fitting).input_shapes
    same("matmul", [data.draw(arrays(a)), data.draw(arrays(b))], mine=mg.matmul, theirs=theirs("matmul"))


@given(st.data())
def test_matmul_of_shapes_that_do_not_fit(data):
    same("matmul", [data.draw(arrays(shapes())), data.draw(arrays(shapes()))], mine=mg.matmul, theirs=theirs("matmul"))


EQUATIONS = ["ij,jk->ik", "ij,jk", "ba", "bij,bjk->bik", "ii->", "ii->i", "bii,i->bi", "...i,ij->...j",
             "...i,...i->...", "ij,jk,kl->il", "ij,ik->k", "i,j->ij", "ij->", "i,i", "ij,ij->j", ",ij->ij",
             "...ij->...ji"]


@given(st.data())
@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum(equation, data):
    length = {letter: data.draw(sides(0, 3)) for letter in "abijkl"}
    batch = data.draw(shapes(0, 2))
    operands = []
    for term in equation.partition("->")[0].split(","):
        stretched = tuple(data.draw(st.sampled_from([1, n, n])) for n in batch) if "..." in term else ()
        operands.append(data.draw(arrays(stretched + tuple(length[letter] for letter in term if letter != "."))))
    same("einsum", operands, mine=lambda *xs: mg.einsum(equation, *xs),
         theirs=lambda *xs: theirs("einsum")(equation, *xs))


@given(st.data())
def test_einsum_of_what_does_not_fit(data):
    equation = data.draw(st.sampled_from(["ij,jk->ik", "ii->i", "ij->k", "ij->ii", "i->i", "...i,i->..."]))
    operands = [data.draw(arrays(shapes(1))) for _ in range(data.draw(st.sampled_from([1, 2])))]
    if any(1 in x.shape for x in operands):
        return                                      # a letter of length 1 stretches in both, but not alike
    same("einsum", operands, mine=lambda *xs: mg.einsum(equation, *xs),
         theirs=lambda *xs: theirs("einsum")(equation, *xs))


@given(st.data())
def test_outer(data):
    a, b = data.draw(arrays((data.draw(sides()),))), data.draw(arrays((data.draw(sides()),)))
    same("outer", [a, b], mine=mg.outer, theirs=theirs("outer"))
    a, b = data.draw(arrays(shapes())), data.draw(arrays(shapes()))
    same("outer", [a, b], mine=mg.outer, theirs=lambda a, b: a.reshape(-1).outer(b.reshape(-1)))


@given(st.data())
def test_dot(data):
    """Of vectors PyTorch's; of more axes NumPy's, which is PyTorch's tensordot."""
    n = data.draw(sides())
    a, b = data.draw(arrays((n,))), data.draw(arrays((data.draw(st.sampled_from([n, n, 2])),)))
    same("dot", [a, b], mine=mg.dot, theirs=theirs("dot"))
    a = data.draw(arrays((*data.draw(shapes(0, 2)), n)))
    b = data.draw(arrays((*data.draw(shapes(0, 2)), n, data.draw(sides()))))
    same("dot", [a, b], mine=mg.dot, theirs=lambda a, b: theirs("tensordot")(a, b, ([-1], [-2])))
    number = data.draw(arrays(()))
    same("dot", [a, number], mine=mg.dot, theirs=lambda a, b: a * b)


@given(st.data())
def test_inner(data):
    n = data.draw(sides())
    a = data.draw(st.sampled_from([(), (n,), (2, n), (0, 2, n)]))
    b = data.draw(st.sampled_from([(), (n,), (3, n), (2,)]))
    same("inner", [data.draw(arrays(a)), data.draw(arrays(b))], mine=mg.inner, theirs=theirs("inner"))


@given(st.data())
def test_vecdot(data):
    """PyTorch also stretches vectors of length 1; NumPy refuses them."""
    import torch

    a, b = data.draw(hnp.mutually_broadcastable_shapes(signature="(n),(n)->()", max_dims=2, min_side=0,
                                                       max_side=3)).input_shapes
    axis = -data.draw(st.integers(1, min(len(a), len(b))))
    if axis < -1:
        a, b = [(*shape[:axis], shape[-1], *shape[axis:-1]) for shape in (a, b)]
    a, b = data.draw(arrays(a)), data.draw(arrays(b))
    same("vecdot", [a, b], {"dim": axis}, mine=mg.vecdot, theirs=torch.linalg.vecdot)
    if a.ndim == b.ndim:
        same("vecdot", [a, b], {"dim": a.ndim + axis}, mine=mg.vecdot, theirs=torch.linalg.vecdot)


@given(st.data())
def test_tensordot(data):
    """Chosen axes in any order, from either end; or a number of them."""
    inner, left, right = [data.draw(shapes(0, 2)) for _ in range(3)]
    a, b = (*left, *inner), (*inner, *right)
    order, back = data.draw(st.permutations(range(len(a)))), data.draw(st.permutations(range(len(b))))
    pairs = ([order.index(len(left) + i) for i in range(len(inner))], [back.index(i) for i in range(len(inner))])
    if data.draw(st.booleans()):
        pairs = ([i - len(a) for i in pairs[0]], pairs[1])
    x, y = data.draw(arrays(a)), data.draw(arrays(b))
    same("tensordot", [x, y, len(inner)], mine=mg.tensordot, theirs=theirs("tensordot"))
    same("tensordot", [x.transpose(order), y.transpose(back), pairs], mine=mg.tensordot, theirs=theirs("tensordot"))
