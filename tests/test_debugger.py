"""The debugger's prompt: what commands do, as transcripts; over, into and back; quitting leaves every .grad alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from strict_cupy import installed, syncs

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import debug, models, nn
from minigrad.debug.breakpoints import Breakpoint
from minigrad.debug.prompt import Prompt
from minigrad.debug.session import Session
from minigrad.debug.walk import events_of


@pytest.fixture(autouse=True)
def with_kernels():
    with mg.config(kernels="auto"):
        yield


def said(loss, *commands, **options):
    """What the debugger says to these commands."""
    lines: list[str] = []
    debug.step(loss, commands=commands, out=lines.append, **options)
    text = "\n".join(lines)
    for line in text.splitlines():
        assert line.isascii() and (line == line.rstrip() or line.startswith("(bp) ")), line
    return text


def answers(loss, *commands, **options):
    """The same, command by command: what is said to each."""
    return [part.partition("\n")[2] for part in said(loss, *commands, **options).split("(bp) ")[1:]]


def heads(text):
    """Where it stopped: number and op of each."""
    return re.findall(r"^\[([\d.]+)\] (\w+)", text, flags=re.MULTILINE)


def leaf(*shape, dtype="float64"):
    return mg.randn(*shape, dtype=dtype, requires_grad=True)


def small():
    a, b, c = [mg.tensor(v, dtype="float64", requires_grad=True) for v in (2.0, -3.0, 10.0)]
    with debug.record():
        y = a * b + c           # this line
    return y, (a, b, c)


@pytest.fixture(scope="module")
def lenet():
    """The loss of LeNet-5 on two images. Whoever leaves with q leaves the tape to the next."""
    mg.manual_seed(0)
    model = models.lenet5()
    with debug.record() as recorder:
        loss = mg.cross_entropy(model(mg.randn(2, 1, 32, 32)), mg.tensor([3, 1]))
    return loss, model, recorder


# --- moving ---------------------------------------------------------------------------------------------------

def test_a_scalar_by_hand():
    y, leaves = small()
    first, second, third, formulas, where, end = answers(y, "n", "n", "n", "f", "w", "c")
    assert heads(first) == [("1", "add")] and "test_debugger.py" in first and "call 1 of 2" in first
    assert "=> c () has its whole gradient, 1" in second
    assert "  ga = g * b\n" in third and "  gb = g * a\n" in third
    assert formulas.splitlines() == ["ga = g * b", "() = () * ()", "(-3) = 1 * (-3)", "gb = g * a", "() = () * ()",
                                     "2 = 1 * 2"]
    assert where.splitlines()[1].strip() == "y = a * b + c           # this line"
    assert end == "the walk has ended: 3 leaves have their gradients"
    assert [float(x.grad.data) for x in leaves] == [-3, 2, 1]


@pytest.mark.parametrize("leaving", [[], ["q"], ["EOF"], ["exit"]])
def test_leaving_early_leaves_every_grad_and_the_tape(leaving):
    y, leaves = small()
    assert not debug.step(y, commands=["n", "n", "n", *leaving], out=lambda text: None)
    assert all(x.grad is None for x in leaves)
    assert debug.step(y, commands=["c"], out=lambda text: None)
    assert [float(x.grad.data) for x in leaves] == [-3, 2, 1]
    with pytest.raises(RuntimeError, match="freed by an earlier backward pass"):
        y.backward()


def test_quitting_the_program():
    y, leaves = small()
    with pytest.raises(debug.Quit):
        debug.step(y, commands=["n", "q!"], out=lambda text: None)
    assert not issubclass(debug.Quit, Exception) and leaves[0].grad is None


def test_the_tape_can_be_kept():
    y, leaves = small()
    debug.step(y, retain_graph=True, commands=["c"], out=lambda text: None)
    y.backward()
    assert float(leaves[0].grad.data) == -6


def test_an_exception_on_the_way_leaves_every_grad():
    @mg.op
    def fragile(x):
        return x * 1.0

    def broken(g):
        raise ZeroDivisionError("so there")

    fragile.gradient(x=broken)
    w = leaf(2)
    loss = (fragile(w * 2) * w).sum()
    lines: list[str] = []
    with pytest.raises(ZeroDivisionError):
        debug.step(loss, commands=["c"], out=lines.append)
    assert w.grad is None and lines[-1] == "the walk was given up: every .grad is as it was"


def test_back_and_forth():
    y, _ = small()
    text = said(y, "P", "n", "n", "n", "back", "N", "rn", "P", "g 3", "g 0", "n", "goto 99", "g -1", "g x", "g 1.2",
                "q")
    assert [number for number, _ in heads(text)] == ["0", "1", "2", "3", "2", "1", "0", "3", "0", "1"]
    assert text.count("*** this is the first event") == 2
    assert "*** there is no event 99: the walk has ended with 5" in text
    assert text.count("*** expected the number of an event") == 2 and "step into the definition at 1" in text


def test_an_empty_line_repeats_and_a_blank_start_does_nothing():
    y, _ = small()
    assert [n for n, _ in heads(said(y, "", "n", "", "  ", "q"))] == ["0", "1", "2", "3"]


def test_at_the_end_one_can_look_back():
    y, leaves = small()
    text = said(y, "unt end", "n", "P", "P", "p g", "q")
    assert "the walk has ended: 3 leaves" in text and "the walk has ended: P looks back, q leaves" in text
    assert heads(text)[-1] == ("3", "multiply") and float(leaves[0].grad.data) == -3


def test_over_into_and_out_of_lenet(lenet):
    loss, model, _ = lenet
    parts = answers(loss, "unt c3", "s", "n", "w", "unt matmul", "why ga[0, 0, 0, 3]", "r", "n", "P", "unt s2", "P",
                    "q")
    over, enter, first, where, inside, why, out = parts[:7]
    assert heads(over) == [(over[1:over.index("]")], "conv2d")] and "(s steps into its definition)" in over
    number = heads(over)[0][0]
    assert heads(enter) == [(f"{number}.0", "conv2d")] and "with the same arriving gradient" in enter
    assert heads(first) == [(f"{number}.1", "add")] and "inside conv2d" in first and "conv.py:" in first
    assert "test_debugger.py" in where and where.count("[") >= 2 and "y + reshape(bias, (1, k, 1, 1))" in where
    assert heads(inside)[0][1] == "matmul"
    assert "the sum of" in why and "they add up to" in why
    assert "definition agrees: max |diff|" in out
    assert all(p.grad is None for p in model.parameters())


def test_the_sessions_history_is_by_number_even_if_a_definition_is_entered_late(lenet):
    loss, *_ = lenet
    session = Session(events_of([loss], [None], None, False, True))
    conv = next(event for event in iter_events(session) if event.op == "conv2d" and event.kind == "rule")
    for _ in range(3):
        session.next()
    later = session.here
    session.goto(conv.number)
    session.step()
    assert session.here.kind == "enter" and session.here.number == f"{conv.number}.0"
    session.out()
    assert session.here.kind == "leave" and session.here.agrees
    session.next()
    session.goto(later.number)
    assert session.here is later
    numbers = [event.number for event in session.timeline]
    assert len(set(numbers)) == len(numbers)
    session.close()


def iter_events(session):
    while session.forward():
        yield session.here


def test_attention_three_levels_deep():
    q = leaf(1, 3, 4)
    with debug.record():
        loss = (mg.scaled_dot_product_attention(q, q, q, is_causal=True) ** 2).sum()
    parts = answers(loss, "unt scaled*", "s", "unt softmax", "s", "unt exp", "w", "f", "r", "r", "c")
    deep = parts[4]
    assert re.fullmatch(r"\d+\.\d+\.\d+", heads(deep)[0][0]) and "inside softmax" in deep
    where = parts[5].splitlines()
    assert len(where) == 6 and [line.count("   ") for line in where] and where[4].startswith(">")
    assert "scaled_dot_product_attention" in where[0] and "softmax" in where[2] and "exp" in where[4]
    assert "gx = g * y" in parts[6]
    assert all("definition agrees" in " ".join(part.split()) for part in parts[7:9])
    assert q.grad is not None
    assert all(len(line) <= 80 for part in parts for line in part.splitlines() if "=" not in line)


def test_stepping_into_batch_norm_touches_no_statistics():
    layer, x = nn.BatchNorm1d(3), leaf(4, 3, dtype="float32")
    with debug.record():
        loss = (layer(x) ** 2).sum()
    before = np.array(layer.running_mean), np.array(layer.running_var), int(layer.num_batches_tracked)
    text = said(loss, "unt batch_norm*", "s", "r", "P", "chk", "c")
    assert "definition agrees" in text and "right: " not in text.partition("definition")[0]
    assert np.array_equal(before[0], layer.running_mean) and np.array_equal(before[1], layer.running_var)
    assert before[2] == int(layer.num_batches_tracked) == 1


def test_dropout_keeps_its_mask():
    @mg.fused
    def halved(x, mask):
        return mg.dropout(x, mask, 0.5) * 2

    x = leaf(200)
    mask = np.arange(200) % 3 == 0
    with debug.record():
        loss = halved(x, mask).sum()
    events = list(debug.walk(loss, retain_graph=True))
    rule = next(event for event in events if event.kind == "rule" and event.op == "halved")
    inner = list(rule.into())
    assert np.array_equal(x.grad.data != 0, mask) and inner[-1].worst == 0
    y = leaf(50)
    state = mg.default_generator().bit_generator.state
    with debug.record():
        loss = F.dropout(y, 0.5, training=True).sum()
    after = mg.default_generator().bit_generator.state
    said(loss, "n", "n", "n", "chk", "c")
    assert mg.default_generator().bit_generator.state == after != state
    kept = y.grad.data != 0
    assert 0 < kept.sum() < 50 and np.array_equal(y.grad.data[kept], np.full(kept.sum(), 2.0))


def test_broadcasting_and_accumulation_are_stops():
    x, bias = leaf(4, 3), leaf(3)
    with debug.record():
        loss = (x * bias + bias).sum()
    text = said(loss, "b shape", "c", "p gb.shape", "P", "why gb[2]", "cl", "unt multiply", "why gb[0, 1]", "unt bias",
                "c")
    assert "gb summed over axis 0, as b was" in text and "\n(3,)\n" in text
    assert "the sum of 4 terms" in text and "the sum of 1 term " in text and "path 2 of 2" in said(
        (bias * bias).sum(), "n", "n", "n", "n", "n", "q")


def test_higher_order():
    x = leaf(3)
    with debug.record():
        loss = (x ** 3).sum()
    assert debug.step(loss, create_graph=True, commands=["unt power", "why ga[1]", "chk", "c"], out=lambda text: None)
    second, = mg.grad(x.grad.sum(), [x])
    np.testing.assert_allclose(second.data, 6 * x.data)


def test_without_a_record_what_can_be_said_is_said():
    x, w = leaf(4, 3), leaf(2, 3)
    loss = mg.tanh(mg.linear(x, w)).sum()
    text = said(loss, "n", "n", "n", "w", "chk", "unt linear", "chk", "why gx[0, 0]", "q")
    assert "the forward pass was not recorded" in text and "its line is not known" in text
    assert "linear in float64, with this g: right" in text


# --- looking --------------------------------------------------------------------------------------------------

def test_the_tape_around_the_pointer():
    y, _ = small()
    before, after, there = answers(y, "l", "n", "ll", "unt multiply", "l", "q")[0::2]
    assert "-->" in before and before.count(" .  ") == 2
    assert re.search(r"-->\s+\[1\]  add #\d+\s+\(\)\s+g 1", after)
    assert re.search(r"\.  multiply #\d+\s+\(\)$", after.strip())
    assert re.search(r"-->\s+\[3\]  multiply", there)


def test_looking_up_and_down_does_not_move():
    y, _ = small()
    down, values, leaf_, over, up, top, moved = answers(
        y, "n", "d", "p a, b", "d b", "d q", "u", "u", "n", "q")[1:8]
    assert "looking at multiply" in down and "g        not computed yet" in down and "(array(2.), array(-3.))" in values
    assert "b is a leaf" in leaf_ and "*** down: q is no argument" in over
    assert "[1] add" in up and "*** up: nothing on the tape reads this output" in top
    assert heads(moved) == [("2", "add")]


def test_printing_is_bounded():
    x = leaf(100, 200)
    with debug.record():
        loss = mg.tanh(x).sum()
    big, corner, shades, scalar, text = answers(
        loss, "n", "p gx", "p gx[0, :3]", "pp gx", "p float(g)", "p op", "q")[1:6]
    assert "(100, 200) float64 on cpu, norm 141.4" in big and "the corner of" in big and len(big.splitlines()) == 8
    assert corner == "[1., 1., 1.]\n" and scalar == "1.0\n" and text == "'sum'\n"
    assert len(shades.splitlines()) == 16 and set("".join(shades.splitlines()[2:])) <= set(" |@")


def test_a_map_shows_nan():
    x = leaf(20, 20)
    x.data[:, 3] = np.nan
    shades = answers((x * 2).sum(), "n", "n", "pp a", "p np.isnan(a).sum()", "q", retain_graph=True)
    assert "*** name 'a' is not defined" in shades[2] or "!" in shades[2]
    with debug.record():
        loss = (x * 2).sum()
    assert any("!" in line for line in answers(loss, "n", "n", "pp a", "q")[2].splitlines()[2:])


def test_display_and_health(lenet):
    loss, *_ = lenet
    text = said(loss, "display g.shape", "display gq", "n", "undisplay gq", "undisplay zz", "n", "display", "undisplay",
                "n", "unt f6", "health", "q")
    assert text.count("display g.shape: ") == 3 and text.count("display gq: *** name 'gq'") == 2
    assert "*** undisplay: 'zz' is not displayed" in text
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line.startswith(("f7", "tanh_4"))}
    assert rows["f7"][1] == "1" and len(rows) == 2


def test_formulas_with_shapes_and_numbers():
    x = mg.tensor([[1.0, -2.0]], dtype="float64", requires_grad=True)
    with debug.record():
        loss = mg.tanh(x * 2.0).sum()
    text = said(loss, "n", "f", "n", "f", "n", "f", "q")
    assert "gx = g * (1 - y * y)" in text and "(1, 2) = (1, 2) * (1 - (1, 2) * (1, 2))" in text
    assert "[[0.07065, 0.001341]] = [[1, 1]] * (1 - [[0.964, -0.9993]] * [[0.964, -0.9993]])" in text
    assert "(1, 2) = spread((), (1, 2), axis)" in text


HOSTILE = [
    ("foo", "*** unknown command 'foo': h lists what there is"), ("nn", "*** unknown command 'nn'"),
    ("helth", "*** unknown command 'helth': did you mean health?"),
    ("gx", "*** gx is a value, no command: p gx prints it"), ("p", "*** '' is no expression"),
    ("p (", "*** '(' is no expression"), ("p 1/0", "*** ZeroDivisionError: division"),
    ("p gz", "*** name 'gz' is not defined; here are x,"), ("p x[99]", "*** IndexError"),
    ("p x = 3", "*** 'x = 3' is no expr"),
    ("p (lambda: (_ for _ in ()).throw(SystemError('no')))()", "*** SystemError: no"), ("pp 3", "3"),
    ("p '\\0'", "'\\x00'"), ("p " + "(" * 300, "is no expression"), ("pp 'a'", "'a'"),
    ("why", "*** why: expected one of the gradients of sum, gx"),
    ("why gx", "*** why: which element of gx (2, 3)? as why gx[0, 0]"), ("why gx[9, 9]", "there is no element [9, 9]"),
    ("why gx[1", "an element of it stands in brackets, as gx[1, 2]"),
    ("b op mul", "note: no op on this tape is called 'mul': did you mean multiply?"),
    ("b op exp", "note: no call on this tape is of op exp"), ("b grad(y) > 1", "note: no leaf on this tape"),
    ("b layer fc", "note: layers are known only where"), ("p abs(gx).max()", "1.0"),
    ("f", "gx = "), ("display abs(gx).max()", "display abs(gx).max(): 1.0"),
    ("why gx[a]", "*** why: expected whole numbers in brackets, as gx[1, 2]"),
    ("why gy[1]", "*** why: expected one of"), ("why gx[0.5, 1]", "*** why: expected whole numbers"),
    ("b frog", "*** unknown breakpoint 'frog': there are nan;"), ("b conv2d", "did you mean op conv2d?"),
    ("b norm > much", "*** expected a number after >, 'much' came"), ("b if (", "*** '(' is no expression"),
    ("b if qqq > 1", "*** no call has anything of the name 'qqq'"),
    ("b shape one", "*** expected a shape like (64, *)"), ("b norm", "*** unknown breakpoint 'norm'"),
    ("b layer", "*** unknown breakpoint 'layer'"), ("cl 7", "*** clear: there is no breakpoint '7'"),
    ("cl x", "*** clear"), ("unt", "*** until: expected"),
    ("unt multiplu", "*** until: the walk comes to no op, layer or leaf 'multiplu': did you mean multiply?"),
    ("unt sum", "*** until: sum is behind already"), ("g", "*** expected the number"),
    ("save", "*** save: expected a file name"), ("save /nowhere/at/all.json", "cannot be written"),
    ("save x.pkl", "*** save: expected a file name that ends in"), ("h why", "why gx[1, 2]: the terms"),
    ("h foo", "*** unknown command 'foo'"), ("?", "moving"), ("h", "leaving"),
    ("b", "no breakpoints; there are nan"), ("# a comment", ""), ("d 9", "*** down: 9 is no argument"),
    ("\t;;", "*** unknown command"), ("n" * 5000, "*** unknown command 'nnnn"),
    ("display", "nothing is displayed"),
]


@pytest.mark.parametrize(("command", "answer"), HOSTILE)
def test_hostile_commands_get_a_clear_line(command, answer):
    x = leaf(2, 3)
    with debug.record():
        loss = (x * 2.0).sum()
    reply = answers(loss, "n", command, "n", "q")
    assert answer in " ".join(reply[1].split()) or answer in reply[1]
    assert "Traceback" not in reply[1] and max(map(len, reply[1].splitlines()), default=0) <= 80
    assert heads(reply[2]) == [("2", "multiply")] and x.grad is None


# --- breakpoints at the prompt --------------------------------------------------------------------------------

def test_breakpoints_stop_continue(lenet):
    loss, *_ = lenet
    text = said(loss, "b layer c*", "tb op avg_pool2d", "b norm > 1e9", "b", "c", "c", "c", "b", "cl 1", "b", "cl",
                "b if op == 'tanh' and gx.shape[1] == 6", "c", "q")
    assert [op for _, op in heads(text)] == ["cross_entropy", "conv2d", "avg_pool2d", "conv2d", "tanh"]
    assert "* break: layer c5" in text and "* break: op avg_pool2d" in text and "* break: op == 'tanh'" in text
    assert "1  layer c*, hit 2 times" in text and "(once)" in text and text.count("op avg_pool2d") == 4
    assert "2 breakpoints cleared" in text or "1 breakpoint cleared" in text


def test_a_condition_without_a_truth_stops_and_says_so():
    """An array of gradients is neither true nor false; the walk goes on from there."""
    text = said((leaf(2, 3) * 2.0).sum(), "b if gx > 0", "n", "cl", "n", "q")
    assert "a condition is true or false, this is an array of shape (2, 3): say (gx > 0).any() or" in \
        " ".join(text.split()) and heads(text)[-1] == ("2", "multiply")


def test_of_what_is_not_finite_no_range_is_told():
    x = mg.tensor([[-1.0, -2.0]], requires_grad=True)
    with debug.record(), np.errstate(all="ignore"):
        loss = mg.log(x).sum()
    text = said(loss, "n", "n", "n", "q")
    assert "float32  2 nan\n" in text and "2 nan in" not in text


@pytest.mark.parametrize(("line", "there"), [
    ("unt c", ["c1", "c1.weight", "conv2d"]), ("b ", ["grad(", "nan", "op"]), ("b layer c", ["c3", "c5"]),
    ("b op a", ["avg_pool2d"]), ("b grad(f7", ["f7.bias"]), ("p e", ["event"]), ("h wh", ["where", "why"]),
    ("unt e", ["end"]), ("tb if n", ["np"])])
def test_tab_completes_what_follows_a_command(lenet, line, there):
    prompt = Prompt(Session(events_of([lenet[0]], [None], None, False, True)))
    begin = max(line.rfind(mark) for mark in " (") + 1
    offered = prompt.completedefault(line[begin:], line, begin, len(line))
    assert set(there) <= set(offered) and all(word.startswith(line[begin:]) for word in offered)
    assert "c33" not in offered and "EOF" not in offered


def test_tab_completes_files(lenet, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "walk.html").touch()
    prompt = Prompt(Session(events_of([lenet[0]], [None], None, False, True)))
    assert prompt.completedefault("ru", "save ru", 5, 7) == ["runs/"]
    assert prompt.completedefault("wa", "save runs/wa", 10, 12) == ["walk.html"]


def test_a_condition_that_fails_stops_and_says_so():
    x = leaf(2, 3)
    text = said((x * 2.0).sum(), "b if gx[9, 9] > 0", "c", "q")
    assert "* break: if gx[9, 9] > 0: IndexError" in text


def test_the_hunt_for_a_nan():
    x = mg.tensor([[1.0, -1.0], [0.5, 3.0]], dtype="float64", requires_grad=True)
    w = leaf(2, 2)
    with np.errstate(all="ignore"):
        with debug.record():
            h = mg.log(x)               # born here
            loss = (h @ w).sum()
        text = said(loss, "c", "c", "w", "q", breaks=["nan"])
    line = next(n for n, s in enumerate(Path(__file__).read_text().splitlines(), 1) if s.endswith("# born here"))
    assert "* break: the loss is nan" in text and "hint: the loss itself is not finite" in text
    assert f"born at log (test_debugger.py:{line}) made nan: x (2, 2) has 1 value <= 0" in " ".join(text.split())
    assert heads(text) == [("0", "sum"), ("2", "matmul"), (heads(text)[-1][0], "log")]
    assert "* break: gb has 2 nan" in text and "* break: the forward call's output has 1 nan" in text
    assert "hint: x (2, 2) has 1 value <= 0, the first at [0, 1]" in text and x.grad is None


def test_a_nan_born_on_the_way_back():
    x = mg.tensor([0.0, 1.0], dtype="float64", requires_grad=True)
    with np.errstate(all="ignore"), debug.record():
        loss = (mg.sqrt(x) * mg.tensor([0.0, 1.0])).sum()
    with np.errstate(all="ignore"):
        text = said(loss, "c", "q", breaks=["nan"])
    assert "the forward pass was finite: it was born on the way back, here" in text
    assert heads(text)[-1][1] == "sqrt"


# --- files, devices -------------------------------------------------------------------------------------------

def test_save(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    y, _ = small()
    text = said(y, "n", "n", "save walk.json", "save walk.txt", "q")
    assert "3 events in walk.json" in text and sorted(p.name for p in tmp_path.iterdir()) == ["walk.json", "walk.txt"]
    found = json.loads((tmp_path / "walk.json").read_text())
    assert found["schema"] == "minigrad.trace" and [event["number"] for event in found["events"]] == ["0", "1", "2"]
    assert "[1]\n" in (tmp_path / "walk.txt").read_text()


def test_on_a_device_only_bounded_previews_are_copied(monkeypatch):
    copied: list[int] = []
    with installed():
        from minigrad import backend
        plain = backend.to_numpy

        def counting(x):
            copied.append(int(np.prod(x.shape)))
            return plain(x)

        import minigrad.debug as package
        for name in ("glance", "previews", "stops", "why", "nonfinite", "hints", "formulas"):
            module = __import__(f"{package.__name__}.{name}", fromlist=["x"])
            if hasattr(module, "to_numpy"):
                monkeypatch.setattr(module, "to_numpy", counting)
        x = mg.randn(40, 30, device="cuda", requires_grad=True)
        w = mg.randn(20, 30, device="cuda", requires_grad=True)
        with debug.record():
            loss = mg.tanh(mg.linear(x, w)).sum()
        text = said(loss, "n", "n", "f", "p gx", "pp y", "why gx[3, 5]", "unt linear", "l", "s", "n", "r", "health",
                    "b nan", "c")
        assert x.grad.device == "cuda:0"
    assert "on cuda:0" in text and "they add up to" in text and "the walk has ended: 2 leaves" in text
    assert copied and max(copied) <= 256 and len(syncs) < 20 * text.count("(bp)")


def test_ctrl_c_at_the_prompt_and_on_the_way(monkeypatch):
    y, leaves = small()
    lines: list[str] = []
    prompt = Prompt(Session(events_of([y], [None], None, False, True)), None, lines.append)
    typed = iter(["n", KeyboardInterrupt, "n", EOFError])

    def ask(text):
        line = next(typed)
        if not isinstance(line, str):
            raise line
        return line

    monkeypatch.setattr("builtins.input", ask)
    prompt.interact()
    assert "--KeyboardInterrupt--" in lines and [n for n, _ in heads("\n".join(lines))] == ["0", "1", "2"]
    session = Session(events_of([y], [None], None, False, True))
    pressed = Breakpoint("Ctrl-C", lambda event: setattr(session, "stop_asked", True) or "")
    session.breakpoints.append(pressed)
    assert session.go_on().kind == "interrupted" and session.at == 1 and leaves[0].grad is None
