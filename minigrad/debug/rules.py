"""The gradient rules in words: a primitive's formula as it stands in the source, a fused op's stated mathematics."""

from __future__ import annotations

import ast
import inspect
import linecache
from collections.abc import Callable
from types import FunctionType
from typing import Any

from ..fused import Fused
from ..op import Op
from ..variadic import Each


def rule_text(op: Op, i: int) -> str:
    """How the gradient of the i-th argument is made, as `gx = g * y`; a formula's helper is explained behind a #."""
    name = op.names[i]
    if isinstance(op, Fused):
        return op.mathematics.get(name, f"g{name}: what its definition gives, walked backward")
    formula: Any = op.formulas[i]
    return f"g{name} = {formula_text(formula.function)}" + (f"  (i = {i})" if isinstance(formula, Each) else "")


def formula_text(function: Callable) -> str:
    """The expression that a formula returns. Where there is no source to read, its name and what it reads."""
    function = inspect.unwrap(function)                 # a kernel in its place is only speed
    signature = f"{getattr(function, '__name__', 'formula')}({', '.join(inspect.signature(function).parameters)})"
    text = (lambda_text if getattr(function, "__name__", "") == "<lambda>" else returned_text)(function)
    return explained(text, function) if text else explained(signature.replace("<lambda>", "formula"), function)


def lambda_text(function: Any) -> str:
    """The body of a lambda, cut out of its file by the positions of its instructions; "" where they are not kept."""
    code = function.__code__
    spans = [p for p in code.co_positions() if None not in p and (p[0], p[2]) < (p[1], p[3])]
    if not spans:
        return ""
    (first, left), (last, right) = min([(p[0], p[2]) for p in spans]), max([(p[1], p[3]) for p in spans])
    lines = [linecache.getline(code.co_filename, n).encode() for n in range(first, last + 1)]
    lines[-1] = lines[-1][:right]                       # columns count bytes
    lines[0] = lines[0][left:]
    return tidied(b"".join(lines).decode(errors="replace"))


def returned_text(function: Any) -> str:
    """What a function of a single return statement returns; "" for a longer one."""
    try:
        source = inspect.getsource(function)
        body = ast.parse(inspect.cleandoc("\n" + source)).body
    except (OSError, TypeError, SyntaxError):
        return ""
    statements = [s for s in getattr(body[0], "body", []) if not is_docstring(s)]
    if len(statements) != 1 or not isinstance(statements[0], ast.Return) or statements[0].value is None:
        return ""
    return ast.unparse(statements[0].value)


def is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def tidied(text: str) -> str:
    """On one line, without the comments in between."""
    if "\n" not in text.strip():
        return text.strip()
    try:
        return ast.unparse(ast.parse(f"({text}\n)", mode="eval"))
    except SyntaxError:
        return " ".join([line.strip() for line in text.splitlines()])


def explained(text: str, function: Any) -> str:
    """A formula that only calls a helper says what that helper does: the first line of its docstring, up to a colon."""
    name = text.partition("(")[0]
    helper = getattr(function, "__globals__", {}).get(name)
    if not isinstance(helper, FunctionType) or not text.endswith(")") or not helper.__doc__:
        return text
    return f"{text}  # {helper.__doc__.strip().splitlines()[0].partition(': ')[0].rstrip('.')}"
