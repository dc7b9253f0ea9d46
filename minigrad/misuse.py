"""What is said to somebody who calls an op or a function wrongly: its name, what was expected, what came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from inspect import Parameter, signature
from numbers import Integral
from re import escape, match
from typing import Any

from .backend import is_array

MISUSES = (TypeError, ValueError, IndexError, AttributeError, KeyError, ZeroDivisionError, OverflowError)
REFUSALS = (IndexError, ValueError, TypeError)                      # one of these is raised in their place
WORDS = {str: "a string", list: "a list", tuple: "a tuple", dict: "a dict", type: "a class", type(None): "None"}
AXES = ("axis", "axes", "axis1", "axis2", "dim", "source", "destination", "start_dim", "end_dim")
WANTED = {int: "an int or ints", float: "a number"}                # of the types of defaults
NO_NUMBERS = (str, bytes, dict, set, type, type(None))
LIBRARIES = (__package__, "numpy", "cupy")
LONG = 60                       # characters of a value


def named(function: Callable) -> Callable:
    """Decorator: let the errors of a plain function say its name and what came, as those of ops do."""
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except MISUSES as error:
            if is_users(error):
                raise
            raise explained(function.__name__, error, given(function, args, kwargs),
                            defaults=defaults_of(function)) from origin(error)
    return call


def named_by_class(method: Callable) -> Callable:
    """Decorator: the same for a method, whose errors then say the name of the class."""
    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except MISUSES as error:
            if is_users(error):
                raise
            arguments = {key: value for key, value in given(method, (self, *args), kwargs).items() if value is not self}
            raise explained(type(self).__name__, error, arguments, (), defaults_of(method)) from origin(error)
    return call


def origin(error: Exception) -> BaseException | None:
    """What an error came from: it is said of the one in its place too."""
    return error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def is_ours(error: Exception) -> bool:
    """Whether an error arose in the libraries here, with no function of the user's on the way, and nobody said so."""
    return not hasattr(error, "core") and not is_foreign(error)


def is_users(error: Exception) -> bool:
    """Whether it is a bug in a function of the user's, or an error class of its own, which others wait for."""
    return type(error) not in REFUSALS and is_foreign(error)


def is_foreign(error: Exception) -> bool:
    """Whether a function of the user's was on the way."""
    place = error.__traceback__
    while place is not None:
        if place.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in LIBRARIES:
            return True
        place = place.tb_next
    return False


def defaults_of(function: Callable) -> dict[str, Any]:
    return {parameter.name: parameter.default for parameter in signature(function).parameters.values()}


def given(function: Callable, args: tuple, kwargs: dict) -> dict[str, Any]:
    """Name -> value of the arguments of a call, of operands[0] too; nothing where they do not fit the signature."""
    try:
        bound = signature(function).bind(*args, **kwargs)
    except (TypeError, ValueError):                     # some functions written in C have no signature
        return {}
    several = {f"{key}[{i}]": value for key in bound.signature.parameters if bound.signature.parameters[key].kind
               is Parameter.VAR_POSITIONAL for i, value in enumerate(bound.arguments.get(key, ()))}
    return {**{key: value for key, value in bound.arguments.items() if f"{key}[0]" not in several}, **several}


def explained(name: str, error: Exception, arguments: dict[str, Any], arrays: Iterable[str] = (),
              defaults: Mapping[str, Any] | None = None) -> Exception:
    """The error with the name of what was called in front and what came behind, as one of REFUSALS.

    arguments: what it was called with. arrays: those that are expected to be arrays. defaults: of the others. Where ops
    call each other the innermost knows what is wrong, and the outermost is what was called: both are named.
    """
    core = getattr(error, "core", None)
    if core is not None and begins(core, name):
        return error
    text = core or str(error)
    deliberate = begins(text, name) or core is not None
    if not deliberate and isinstance(error, (TypeError, AttributeError)):
        found = no_array(error, arguments, arrays) or no_number(arguments, defaults or {})
        text, deliberate = found or text, found is not None
    text = text if begins(text, name) else f"{name}: {text}"
    whole = not deliberate and not isinstance(error, (ValueError, IndexError))      # these say what the value is
    came = [spelled(key, value) for key, value in arguments.items() if whole or as_array(value) is not None]
    shown = sum([item in text for item in came])
    better = kind_of(error)(f"{text} ({', '.join(came)})" if came and shown < min(2, len(came)) else text)
    vars(better)["core"] = core or str(better)
    vars(better)["attribute"] = getattr(error, "attribute", None) or getattr(error, "name", None)
    return better.with_traceback(error.__traceback__)


def check_kinds(arrays: Iterable[str], names: Iterable[str], values: Iterable[Any]) -> None:
    """TypeError for None, a string, a dict or a class in the place of an array; an argument left out is no error."""
    for name, value in zip(names, values, strict=True):
        if name in arrays and isinstance(value, NO_NUMBERS):
            raise TypeError(f"expected {name} to be a tensor or an array, {kind_word(value)} came")


def is_int(x: Any) -> bool:
    """Python's and NumPy's ints, no bools."""
    return isinstance(x, Integral) and not isinstance(x, bool)


def check_ints(caller: str, **values: Any) -> None:
    """TypeError for what is neither an int nor ints in a tuple, a list or an array."""
    for name, value in values.items():
        several = value if isinstance(value, (tuple, list)) else (value,)
        if not all([hasattr(n, "__index__") if getattr(n, "dtype", None) is None else n.dtype.kind in "iu"
                    for n in several]):
            raise TypeError(f"{caller}: {name} must be an int or ints, {value!r} came")


def kind_word(value: Any) -> str:
    return WORDS.get(type(value)) or type(value).__name__


def begins(text: str, name: str) -> bool:
    """Whether a text begins with the name as a word: "expected ..." does not with exp."""
    return match(rf"{escape(name)}(_|\b)", text) is not None


def kind_of(error: Exception) -> type[Exception]:
    """As which of REFUSALS it is raised."""
    if isinstance(error, (ZeroDivisionError, OverflowError)):
        return ValueError
    return next((kind for kind in REFUSALS if isinstance(error, kind)), TypeError)


def no_array(error: Exception, arguments: dict[str, Any], arrays: Iterable[str]) -> str | None:
    """What to say where something came that is no array."""
    wanted = [key for key in arrays if as_array(arguments[key]) is None
              and not isinstance(arguments[key], (int, float, complex)) and not hasattr(arguments[key], "dtype")]
    if isinstance(error, AttributeError) and error.name is not None:            # None: it was raised by hand
        wanted += [key for key, value in arguments.items() if value is error.obj and as_array(value) is None]
    if not wanted:
        return None
    value = arguments[wanted[0]]
    cure = f"; minigrad.tensor({wanted[0]}) makes a tensor of it" if isinstance(value, (list, tuple)) else ""
    return f"expected {wanted[0]} to be a tensor or an array, {kind_word(value)} came{cure}"


def no_number(arguments: dict[str, Any], defaults: Mapping[str, Any]) -> str | None:
    """What to say where an axis, or an argument whose default is a number, is neither a number nor several."""
    for key, value in arguments.items():
        expected = "an int or ints" if key in AXES else WANTED.get(type(defaults.get(key)))
        if expected and (isinstance(value, NO_NUMBERS) or type(value) is object):
            return f"expected {key} to be {expected}, {short(value)} came"
    return None


def as_array(value: Any) -> Any:
    """The array that an argument is, or that a tensor has; else None."""
    if is_array(value):
        return value
    data = getattr(value, "data", None)
    return data if is_array(data) else None


def spelled(key: str, value: Any) -> str:
    """An argument: its shape, if it is an array, or its value."""
    array = as_array(value)
    is_symbol = hasattr(value, "add_op")
    return f"{key} {short(value) if array is None or is_symbol else array.shape}"


def short(value: Any) -> str:
    """What it looks like; of what cannot be shown, what it is."""
    try:
        text = repr(value)
    except (*MISUSES, RuntimeError):
        text = f"<{type(value).__name__}>"
    return text if len(text) <= LONG else text[:LONG] + "..."
