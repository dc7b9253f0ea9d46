"""Hooks: functions that a module calls before and after its forward, and on its part of the way back.

A module without hooks does not come here. For backward hooks the inputs and the outputs of a call each go through a
`Door`, an identity on several tensors: when the gradients of all of them have arrived there, the hooks see them.
A graph calls its layers each time it runs, so a layer's hooks run then, and not while the graph is built. A module
whose children become the nodes (all but those with `one_node`) is no part of the graph, and its own hooks do not run
there. A Graph's own hooks are any module's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..backend import device_of, namespace, read_only
from ..formula import Formula
from ..op import MISSING, Op
from ..outputs import attach
from ..tensor import HookHandle, Node, Tensor, bare, derived, recording, set_grad_enabled

if TYPE_CHECKING:
    from .module import Module


class RemovableHandle(HookHandle):
    """One registered hook. `remove()` takes it away again; so does the end of a `with` block on the handle."""

    def __init__(self, hooks: list, hook: Callable, with_kwargs: bool = False, always_call: bool = False):
        super().__init__(hooks, hook)
        self.with_kwargs, self.always_call = with_kwargs, always_call

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: Any) -> None:
        self.remove()


class Hooks:
    """The hooks of one module, each kind in the order in which it runs."""

    def __init__(self) -> None:
        self.forward_pre: list[RemovableHandle] = []
        self.forward: list[RemovableHandle] = []
        self.backward_pre: list[RemovableHandle] = []
        self.backward: list[RemovableHandle] = []

    def run(self, module: Module, args: tuple, kwargs: dict) -> Any:
        """The module's forward with its hooks around it."""
        result, ran, finished = None, [], False
        try:
            for handle in list(self.forward_pre):
                args, kwargs = before(handle, module, args, kwargs)
            crossing = Crossing(module, self) if self.backward or self.backward_pre else None
            if crossing:
                args = crossing.enter(args)
            result = module.forward(*args, **kwargs)
            for handle in list(self.forward):
                ran.append(handle)
                result = after(handle, module, args, kwargs, result)
            finished = True
        finally:
            if not finished:        # after an error those that asked for it still run
                for handle in [hook for hook in self.forward if hook.always_call and hook not in ran]:
                    result = after(handle, module, args, kwargs, result)
        return crossing.leave(result) if crossing else result


def before(handle: RemovableHandle, module: Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """The arguments of forward after a pre-hook has seen them."""
    if not handle.with_kwargs:
        answer = handle.hook(module, args)
        return args if answer is None else answer if isinstance(answer, tuple) else (answer,), kwargs
    answer = handle.hook(module, args, kwargs)
    if answer is None:
        return args, kwargs
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise TypeError("a forward pre-hook with kwargs must return None or a pair (args, kwargs); "
                        f"it returned {answer!r}")
    return answer


def after(handle: RemovableHandle, module: Module, args: tuple, kwargs: dict, result: Any) -> Any:
    """The result of forward after a hook has seen it."""
    answer = handle.hook(module, args, kwargs, result) if handle.with_kwargs else handle.hook(module, args, result)
    return result if answer is None else answer


class Hooked:
    """What `Module` is by its hooks: how they are registered. Every method returns a handle with `remove()`."""

    _hooks: Hooks | None = None

    @property
    def has_hooks(self) -> bool:
        """Whether somebody wants to see what goes through this module."""
        return self._hooks is not None and any(vars(self._hooks).values())

    @property
    def is_changed(self) -> bool:
        """Whether somebody has hung a hook on the module, or a forward of its own."""
        return self.has_hooks or "forward" in vars(self)

    def _hook(self, kind: str, hook: Callable, prepend: bool, **how: bool) -> RemovableHandle:
        if not callable(hook):
            raise TypeError(f"register_{kind}: expected a function, {type(hook).__name__} came")
        if self._hooks is None:
            self._hooks = Hooks()
        hooks = getattr(self._hooks, kind.removesuffix("_hook").removeprefix("full_"))
        handle = RemovableHandle(hooks, hook, **how)
        hooks.insert(0 if prepend else len(hooks), handle)
        return handle

    def register_forward_pre_hook(self, hook: Callable, *, prepend: bool = False,
                                  with_kwargs: bool = False) -> RemovableHandle:
        """Call hook(module, args) before every forward. What it returns, if not None, takes the arguments' place.

        with_kwargs: call hook(module, args, kwargs), which may return (args, kwargs). prepend: before all others.
        """
        return self._hook("forward_pre_hook", hook, prepend, with_kwargs=with_kwargs)

    def register_forward_hook(self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False,
                              always_call: bool = False) -> RemovableHandle:
        """Call hook(module, args, output) after every forward. What it returns, if not None, becomes the output.

        with_kwargs: call hook(module, args, kwargs, output). always_call: also after an error, with the output None.
        """
        return self._hook("forward_hook", hook, prepend, with_kwargs=with_kwargs, always_call=always_call)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call hook(module, grad_input, grad_output) when the gradients of the module's inputs have been computed.

        Both are tuples with an entry per positional argument and per output, None for what is no tensor and for outputs
        that nobody used; read them only. What the hook returns, if not None, takes the place of grad_input. If no
        input requires a gradient, it is called with grad_input all None once grad_output is there.
        """
        return self._hook("full_backward_hook", hook, prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call hook(module, grad_output) before the way back through the module.

        What it returns, if not None, takes the place of grad_output.
        """
        return self._hook("full_backward_pre_hook", hook, prepend)


# --- the way back -----------------------------------------------------------------------------------------------

class Crossing:
    """One call of a module with backward hooks."""

    def __init__(self, module: Module, hooks: Hooks):
        self.module, self.pre, self.full = module, list(hooks.backward_pre), list(hooks.backward)
        self.width = 0                  # the number of positional arguments
        self.through = False            # whether one of them requires a gradient
        self.grad_output: tuple | None = None

    def enter(self, args: tuple) -> tuple:
        self.width, inside = len(args), pass_door("input", args, self.at_inputs)
        self.through = inside is not args
        return inside

    def leave(self, result: Any) -> Any:
        if isinstance(result, tuple):
            outside = pass_door("output", result, self.at_outputs)
            return outside if outside is result or type(result) is tuple else type(result)(*outside)
        if not isinstance(result, Tensor):
            warnings.warn(f"{type(self.module).__name__} has backward hooks, which see the gradients of a tensor or of "
                          f"a tuple of tensors; its forward gave {type(result).__name__}, so they will not be called",
                          stacklevel=4)
            return result
        return pass_door("output", (result,), self.at_outputs)[0]

    def at_outputs(self, grad_output: tuple) -> tuple:
        for handle in self.pre:
            grad_output = replaced(grad_output, handle.hook(self.module, grad_output), "grad_output")
        if self.through:
            self.grad_output = grad_output
        else:
            nothing = (None,) * self.width
            for handle in self.full:
                answer = handle.hook(self.module, nothing, grad_output)
                if answer is not None and any([part is not None for part in answer]):
                    raise ValueError(f"a backward hook of {type(self.module).__name__} returned gradients for inputs, "
                                     "none of which requires one: return None")
        return grad_output

    def at_inputs(self, grad_input: tuple) -> tuple:
        if self.grad_output is None:        # the gradient came around the module's output, as in a second backward
            return grad_input
        grad_output, self.grad_output = self.grad_output, None
        for handle in self.full:
            grad_input = replaced(grad_input, handle.hook(self.module, grad_input, grad_output), "grad_input")
        return grad_input


def replaced(gradients: tuple, answer: Any, name: str) -> tuple:
    """The gradients, or what a hook gave instead."""
    if answer is None:
        return gradients
    answer = (answer,) if isinstance(answer, Tensor) else answer
    if not isinstance(answer, (tuple, list)) or len(answer) != len(gradients):
        raise ValueError(f"a backward hook must return None or as many gradients as {name} has, {len(gradients)}; "
                         f"it returned {answer!r}")
    return tuple(answer)


def pass_door(side: str, values: tuple, seen: Callable[[tuple], tuple]) -> tuple:
    """The values, those that require gradients as the outputs of a door; the same tuple if there is none to record."""
    places = [i for i, x in enumerate(values) if isinstance(x, Tensor) and x.requires_grad]
    if not places or not recording.get():
        return values
    tensors = [values[i] for i in places]
    door = Door(side, values, places, seen)
    twins = attach(tuple([derived(x.data, x.changed) for x in tensors]), door, [x.place for x in tensors], ())
    inside = dict(zip(places, twins, strict=True))
    return tuple([inside.get(i, x) for i, x in enumerate(values)])


class Door(Op):
    """The identity on several tensors; a function sees their gradients, all at once, and may give others.

    Where no gradient arrives the function sees None; but of the inputs of a module those that are tensors have zeros.
    """

    def __init__(self, side: str, values: tuple, places: Sequence[int], seen: Callable[[tuple], tuple]):
        self.name, self.module = f"hooks_at_{side}", __name__
        self.width, self.places, self.seen = len(values), places, seen
        self.tensors = {i: (x.shape, x.dtype) for i, x in enumerate(values) if isinstance(x, Tensor)}
        self.names = tuple([f"{side}[{i}]" for i in places])
        self.defaults, self.arity = (MISSING,) * len(places), len(places)
        self.formulas = {i: Formula(lambda g: g, self.names, self.name) for i in range(len(places))}

    def backward(self, node: Node, g: Any, edges: list, create_graph: bool) -> list:
        home = bare(next(part for part in g if part is not None))
        shown: list = [None] * self.width
        for i, part in zip(self.places, g, strict=True):
            shown[i] = part if part is None or isinstance(part, Tensor) else derived(read_only(part))
        if self.name == "hooks_at_input":
            for i, (shape, dtype) in self.tensors.items():
                if shown[i] is None:
                    shown[i] = derived(namespace(home).zeros(shape, dtype))
        with set_grad_enabled(create_graph):
            answers = self.seen(tuple(shown))
            return [g[k] if answers[i] is shown[i] and g[k] is not None and not isinstance(edges[k], Tensor)
                    else self.given(answers[i], i, device_of(home), create_graph) for k, i in enumerate(self.places)]

    def given(self, answer: Any, i: int, home: str, create_graph: bool) -> Any:
        """A gradient of a hook's, of the right kind; a leaf will own it, so it is a copy."""
        if answer is None:
            return None
        shape, dtype = self.tensors[i]
        if not isinstance(answer, Tensor) or answer.shape != shape or answer.device != home:
            raise TypeError(f"a backward hook must return gradients that are None or tensors like those of "
                            f"{self.name.removeprefix('hooks_at_')}, here {shape} on {home}; {answer!r} came")
        return answer.astype(dtype) if create_graph else answer.data.astype(dtype)
