"""Fused ops: a definition, written as a textbook would, and perhaps kernels, which are only about speed.

The definition does five jobs: a student reads it; the debugger steps into it; kernels are tested against it; it runs
when gradients of gradients are asked for; and on arrays without values it infers shapes. Backward without a kernel,
gradients of gradients and stepping into are one and the same walk: `Fused.inner_steps`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

from .backend import library_of
from .casting import as_it_is
from .op import Op
from .outputs import attach, wrap
from .settings import kernel_mode
from .tensor import Node, Tensor, derived, no_grad, set_grad_enabled
from .walk import Step, backward_steps, exhaust


@dataclass(frozen=True)
class Kernel:
    """A hand-tuned forward and backward on arrays, and for which arguments they fit.

    forward(needs, *args) -> (y, kept); needs has a bool per argument, all False when no gradient will be asked for.
    backward(needs, g, kept, *args) -> a gradient, or None, per argument, each a fresh array.
    is_exact: whether it rounds no more than usual float arithmetic, so that it may run in the mode "exact".
    """

    forward: Callable
    backward: Callable
    fits: Callable[..., bool] | None = None
    is_exact: bool = True


@dataclass
class Call:
    """One call of a fused op: its arguments, what its kernel kept, and its definition's own tape once it is entered."""

    args: Sequence
    kernel: Kernel | None = None
    kept: Any = None
    outputs: Sequence[Tensor] = ()  # those that the kernel kept, as twins that share the date of change
    inside: tuple | None = None     # (aliases of the arguments, outputs of the definition)


class Fused(Op):
    """An op with a definition in primitives and other definitions, and perhaps kernels.

    Make one by decorating the definition with `@fused`. The definition must be pure: statistics are outputs; masks
    and other randomness are inputs. State the mathematics of its gradients with `.rules(x="...", ...)`, a line per
    input.
    """

    def __init__(self, definition: Callable):
        super().__init__(definition)
        self.definition = definition
        self.kernels: dict[str, list[Kernel]] = {}  # by the name of the array library, the first choice first
        self.mathematics: dict[str, str] = {}       # input -> its gradient, one line
        self.check: Callable | None = None          # raises for arguments that do not fit together
        self.forward = self.run
        self.formulas = range(self.arity)           # every argument may have a gradient

    def rules(self, **lines: str) -> Fused:
        """State the gradient of each input in one line of mathematics; the debugger prints it."""
        unknown = [name for name in lines if name not in self.names]
        if unknown:
            raise TypeError(f"{self.name}.rules: there is no argument {unknown[0]!r}; "
                            f"there are {', '.join(self.names)}")
        self.mathematics.update(lines)
        return self

    def checked_by(self, check: Callable) -> Fused:
        """Let `check(*args)` raise for arguments that do not fit together, before a kernel or the definition runs."""
        self.check = check
        return self

    def differentiable(self) -> Sequence[str]:
        return list(self.mathematics)

    def gradient(self, **formulas: Callable) -> Op:
        raise TypeError(f"{self.name} is fused: its gradient follows from its definition; "
                        "state the mathematics with rules(...)")

    def kernel(self, library: str, forward: Callable, backward: Callable,
               fits: Callable[..., bool] | None = None, is_exact: bool = True) -> Fused:
        """Add a kernel for arrays of `library` ("numpy" or "cupy"). `fits(*args)` may decline some arguments; then the
        kernels that are added later are asked."""
        self.kernels.setdefault(library, []).append(Kernel(forward, backward, fits, is_exact))
        return self

    def kernel_for(self, raw: Sequence) -> Kernel | None:
        """The first kernel that takes these arguments, if the mode lets any run."""
        mode = kernel_mode.get()
        if mode == "definition":
            return None
        for kernel in self.kernels.get(library_of(raw[0]), ()):
            if (kernel.is_exact or mode == "auto") and (kernel.fits is None or kernel.fits(*raw)):
                return kernel
        return None

    def choose(self, raw: Sequence) -> Kernel | None:
        """Refuse arguments that do not fit together; else the kernel that takes them, if there is one."""
        if self.check:
            self.check(*raw)
        return self.kernel_for(raw)

    def run(self, *raw: Any) -> Any:
        """On arrays, nothing recorded."""
        kernel = self.choose(raw)
        return kernel.forward([False] * self.arity, *raw)[0] if kernel else self.definition(*raw)

    def record(self, args: Sequence, raw: list, edges: list, needs: int, first: Tensor) -> Any:
        call = Call(args, self.choose(raw))
        if call.kernel:
            y, call.kept = call.kernel.forward([edge is not None for edge in edges], *raw)
            out = wrap(y, first, args, raw)
            kept = call.kept if type(call.kept) is tuple else (call.kept,)
            call.outputs = [derived(t.data, t.changed) for t in (out if type(out) is tuple else (out,))
                            if any([t.data is array for array in kept])]
        else:
            inner = self.enter(call)[1]
            out = tuple([y.detach() for y in inner]) if type(inner) is tuple else inner.detach()
        return attach(out, self, edges, call)

    def unrecorded(self, args: Sequence, raw: list, first: Tensor) -> Any:
        kernel = self.choose(raw)
        if kernel:
            return wrap(kernel.forward([False] * self.arity, *raw)[0], first, args, raw)
        with no_grad(), as_it_is():             # on tensors: arrays have not their methods
            return self.definition(*args)

    def enter(self, call: Call) -> tuple:
        """Run the definition on aliases of the arguments, recording. Aliases, because an argument may depend on another
        (or be the same), and the walk inside must stop at this op's door."""
        if call.inside is None:
            with set_grad_enabled(True), as_it_is():
                aliases = [alias(a) if isinstance(a, Tensor) and a.node is not None else a for a in call.args]
                call.inside = aliases, self.definition(*aliases)
        return call.inside

    def inner_steps(self, node: Node, g: Any, edges: list, create_graph: bool = False) -> Generator[Step, None, list]:
        """Walk the definition's own tape with the gradient that arrived; return a gradient per argument."""
        aliases, outputs = self.enter(node.saved)
        if type(outputs) is not tuple:
            outputs, g = (outputs,), (g,)
        doors = [i for i, edge in enumerate(edges) if edge is not None]
        arrived = [(y, gy) for y, gy in zip(outputs, g, strict=True) if gy is not None and y.node is not None]
        found = yield from backward_steps([y for y, _ in arrived], [gy for _, gy in arrived],
                                          [aliases[i] for i in doors], create_graph, retain_graph=True)
        gradients = dict(zip(doors, found, strict=True))
        return [gradients.get(i) for i in range(len(edges))]

    def check_unchanged(self, node: Node, saved: Any = None) -> None:
        super().check_unchanged(node, [*node.saved.args, *node.saved.outputs])

    def backward(self, node: Node, g: Any, edges: list, create_graph: bool) -> list:
        call = node.saved
        if call.kernel is None or create_graph:
            return exhaust(self.inner_steps(node, g, edges, create_graph))
        raw = [a.data if isinstance(a, Tensor) else a for a in call.args]
        gradients = list(call.kernel.backward([edge is not None for edge in edges], g, call.kept, *raw))
        if any([gx is None and edge is not None for gx, edge in zip(gradients, edges, strict=True)]):
            return exhaust(self.inner_steps(node, g, edges))        # the kernel knows no gradient for some argument
        return gradients


def fused(definition: Callable) -> Fused:
    """Decorator: make a fused op of its definition. Its gradient follows; kernels may be added for speed.

    >>> from minigrad import fused, sigmoid
    >>> @fused
    ... def swish(x):
    ...     return x * sigmoid(x)
    >>> _ = swish.rules(x="gx = g * (s + y * (1 - s)), s = sigmoid(x)")
    """
    return Fused(definition)


@Op
def alias(x):
    """The same array under another name; a definition meets its arguments through it."""
    return x

alias.gradient(x=lambda g: g)
