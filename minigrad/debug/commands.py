"""What can be typed at the debugger's prompt, a method a command. `say` is given every text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from ..tensor import Node, Tensor, bare
from ..walk import call_of
from . import stops
from .breakpoints import FORMS, BreakpointError, parse
from .check import check_rule
from .events import Event, Leaf, Rule
from .expressions import ExpressionError, evaluated, names
from .formulas import three_lines
from .glance import glance
from .hints import at_the_end
from .on_tape import not_there, warning
from .session import Halt, NoEvent, Session
from .show import WIDTH, clipped
from .values import by_name, values_of
from .why import asked, why

HELP = """\
moving    n  next event, over definitions     s, i  step into a definition
          r, o  out of it, or of the layer    c  on to a breakpoint or the end
          unt X  until op, layer, leaf, end   N, P, rn, back  one event back
          g NUMBER  to an event, 7 or 7.2
stops     b FORM  break; b alone lists        tb FORM  once     cl [N]  clear
          FORM: nan, layer P, op P, norm > 1e3, grad(NAME) < 1e-7, shape (64, *)
          or if EXPRESSION
looking   p E  print   pp E  heat map         w  where    l, ll  the tape
          f  the rule: symbols, shapes, numbers
          why gx[1,2]  the terms of an element     chk  finite differences
          u, d [ARGUMENT]  at the consumer, the producer
          display E, undisplay [E]            health  a row per layer so far
leaving   q  leave, .grad as it was unless the walk has ended
          q!  end the program too             save FILE.html, .json, .txt
Names in E: the arguments (x, weight ...), y, g, their gradients (gx, gweight
...), op, layer, np, event. An empty line repeats the last one. h COMMAND: more."""
SHORT = {"n": "next", "s": "step", "i": "step", "r": "return", "o": "return", "c": "continue", "cont": "continue",
         "unt": "until", "P": "back", "N": "back", "rn": "back", "g": "goto", "b": "break", "cl": "clear", "w": "where",
         "l": "list", "f": "formula", "u": "up", "d": "down", "h": "help", "?": "help", "q": "quit", "exit": "quit",
         "EOF": "quit", "check": "chk", "into": "step", "out": "return", "over": "next", "print": "p",
         "longlist": "ll", "tbreak": "tb"}


class Commands:
    """The commands of one session."""

    lastcmd = ""                                # an empty line repeats it

    def __init__(self, session: Session, say: Callable[[str], Any]):
        self.session, self.say = session, say
        self.left = self.aborted = False        # the debugger; and the program with it
        self.looked: Node | None = None         # the call that u and d look at, None for that of the event
        self.shown: list[str] = []              # expressions of `display`

    # --- the ground that commands stand on --------------------------------------------------------------------
    def onecmd(self, line: str) -> bool:
        """Obey one line. A command that cannot be obeyed says why in one line; what the walk raises goes on."""
        self.lastcmd = line.strip() or self.lastcmd
        word, rest = self.split(self.lastcmd)
        if not word:
            return False
        command = getattr(self, f"do_{SHORT.get(word, word)}", None)
        if command is None:
            self.complain(self.unknown(word))
            return False
        try:
            command(rest)
        except (BreakpointError, ExpressionError, NoEvent) as error:
            self.complain(str(error))
        return False

    @staticmethod
    def split(line: str) -> tuple[str, str]:
        """The command and what follows it; `q!` is q with an argument, and `b(...)` need not have a blank."""
        k = 0
        while k < len(line) and (line[k].isalnum() or line[k] == "_"):
            k += 1
        k = k or len(line[:1])
        return line[:k], line[k:].strip()

    def unknown(self, word: str) -> str:
        known = [name.removeprefix("do_") for name in dir(self) if name.startswith("do_")]
        if word in self.known():
            return f"{word} is a value, no command: p {word} prints it"
        near = get_close_matches(word, known, 1)
        return f"unknown command {word[:40]!r}: {f'did you mean {near[0]}?' if near else 'h lists what there is'}"

    def complain(self, message: str) -> None:
        self.say("\n".join(stops.paragraph("*** ", message)))

    @property
    def here(self) -> Event:
        return self.session.here

    def open(self, reasons: Sequence[str] = ()) -> None:
        """The first words: where the walk stands, and the breakpoints that it hit, if any."""
        if not self.session.was_recorded and self.session.order:
            self.say("(the forward pass was not recorded: make it inside debug.record(), and\n"
                     " layers, lines and values are known)")
        self.show()
        self.explain_break(reasons)

    def show(self) -> None:
        """The event, and what is displayed at each."""
        self.looked = None
        self.say(stops.stop(self.here, self.session))
        for text in self.shown:
            self.say(f"display {text}: {self.tried(text)}")

    def tried(self, text: str) -> str:
        try:
            return stops.value_text(evaluated(text, self.known()))
        except ExpressionError as error:
            return f"*** {error}"

    def explain_break(self, reasons: Sequence[str]) -> None:
        if reasons:
            self.say(f"* break: {'; '.join(reasons)}")
        if reasons and self.session.wants_origin:
            born = self.session.origin()
            if born is None and not self.session.was_recorded:
                self.say("  where it was born is not known: make the forward pass inside debug.record()")
            elif born is None:
                self.say("  the forward pass was finite: it was born on the way back, here")
            else:
                self.say("\n".join(stops.paragraph("  born at ", str(born))))

    def move(self, go: Callable[[], Halt], leaves: bool = False) -> None:
        """Move, and show where that led. leaves: at the end, leave the debugger."""
        if self.session.over and self.session.at == len(self.session.timeline) - 1:
            self.say("the walk has ended" if leaves else "the walk has ended: P looks back, q leaves")
            self.left = leaves
            return
        halt = go()
        if halt.kind == "end":
            self.say(self.end())
            self.left = leaves
            return
        self.show()
        if halt.kind == "interrupted":
            self.say("--KeyboardInterrupt--")
        self.explain_break([halt.reason] if halt.kind == "break" else [])

    def end(self) -> str:
        leaves = [event for event in self.session.timeline if isinstance(event, Leaf) and event.depth == 0]
        have = "leaf has its gradient" if len(leaves) == 1 else "leaves have their gradients"
        said = f"the walk has ended: {len(leaves)} {have}"
        return "\n".join([said, *[f"  hint: {hint}" for hint in at_the_end(self.session.timeline)]])

    # --- what names stand for -----------------------------------------------------------------------------------
    def call(self) -> Node | None:
        """The call that is looked at."""
        return self.looked or self.here.node

    def rule(self) -> Rule | None:
        """The rule event of the call looked at, if the walk has come to it."""
        here = self.here
        return here if isinstance(here, Rule) and self.looked is None else self.session.rule_of(self.call())

    def known(self) -> dict[str, Any]:
        """The names of an expression."""
        if self.looked is None:
            return names(self.here, self.rule())
        rule = self.rule()
        return names(rule) if rule else by_name(values_of(self.looked)) | {"op": self.looked.op.name}

    def wanted_rule(self, command: str) -> Rule | None:
        rule = self.rule()
        if rule is None:
            call = self.looked
            self.complain(f"{command}: the walk has not come to {call.op.name} #{call.serial} yet" if call else
                          f"{command}: no rule was applied yet, n goes on to the first")
        return rule

    # --- moving -------------------------------------------------------------------------------------------------
    def do_next(self, rest: str) -> None:
        """n(ext): to the next event; the definition of a fused op is passed over, its rule is applied."""
        self.move(self.session.next)

    def do_step(self, rest: str) -> None:
        """s(tep), i: into the definition of a fused op, with the same arriving gradient; else as n."""
        self.move(self.session.step)

    def do_return(self, rest: str) -> None:
        """r(eturn), o: to the end of the definition, which is then compared with the rule; outside, of the layer."""
        self.move(self.session.out)

    def do_continue(self, rest: str) -> None:
        """c(ontinue): to the next breakpoint or, leaving the debugger, the end."""
        self.move(self.session.go_on, leaves=True)

    def do_until(self, rest: str) -> None:
        """unt(il) X: to the next rule of an op or layer, or to a leaf, of this name or pattern. unt end: to the
        walk's end, or a breakpoint before it, and stay there."""
        if not rest:
            return self.complain("until: expected the name of an op, a layer or a leaf, as unt conv2d")
        if rest == "end":
            return self.move(self.session.go_on)
        if said := not_there(self.session, rest):
            return self.complain(said)
        self.move(lambda: self.session.run(lambda event: is_called(event, rest)))

    def do_back(self, rest: str) -> None:
        """N, P, rn, back: to the event before, as it was seen. Nothing is undone."""
        if not self.session.back():
            return self.complain("this is the first event")
        self.show()

    def do_goto(self, rest: str) -> None:
        """g(oto) NUMBER: to an event by its number, back or forward."""
        self.session.goto(rest)
        self.show()

    # --- stops --------------------------------------------------------------------------------------------------
    def do_break(self, rest: str, once: bool = False) -> None:
        """b(reak) FORM: stop at nan; layer PATTERN; op PATTERN; norm < 1e-7; grad(NAME) > 10; shape (64, *), or
        shape alone, where broadcasting is undone; if EXPRESSION. b alone: the list."""
        if rest:
            self.session.breakpoints.append(parse(rest, once))
            self.say(f"breakpoint {len(self.session.breakpoints)}: {self.session.breakpoints[-1]}")
            said = warning(self.session, self.session.breakpoints[-1].text)
            if said:
                self.say("\n".join(stops.paragraph("  note: ", said)))
            return
        lines = [f"{k}  {each}" for k, each in enumerate(self.session.breakpoints, 1)]
        self.say("\n".join(lines or stops.paragraph("", f"no breakpoints; there are {FORMS}")))

    def do_tb(self, rest: str) -> None:
        """tb FORM: a breakpoint that goes when it has been hit."""
        self.do_break(rest, once=bool(rest))

    def do_clear(self, rest: str) -> None:
        """cl(ear) [NUMBER]: that breakpoint, or all."""
        if not rest:
            count = len(self.session.breakpoints)
            self.session.breakpoints.clear()
            return self.say(f"{count} breakpoint{'s' * (count != 1)} cleared")
        if not rest.isdecimal() or not 0 < int(rest) <= len(self.session.breakpoints):
            return self.complain(f"clear: there is no breakpoint {rest[:40]!r}; b lists them")
        self.say(f"cleared: {self.session.breakpoints.pop(int(rest) - 1)}")

    # --- looking ------------------------------------------------------------------------------------------------
    def do_p(self, rest: str) -> None:
        """p E: the value of an expression over arguments, y, g and gradients; of a large array its first elements."""
        self.say(stops.value_text(evaluated(rest, self.known())))

    def do_pp(self, rest: str) -> None:
        """pp E: an array as a map of shades."""
        self.say(stops.heat_map(evaluated(rest, self.known())))

    def do_where(self, rest: str) -> None:
        """w(here): event, op, layer and line, from the outermost call to the one inside its definition."""
        self.say(stops.path(self.here))

    def do_list(self, rest: str) -> None:
        """l(ist): the calls around this one in the order of the walk, --> at it. What has no numbers is yet to come."""
        self.say(stops.tape(self.session, self.call()))

    def do_ll(self, rest: str) -> None:
        """ll: all calls of the tape, or of the definition."""
        self.say(stops.tape(self.session, self.call(), None))

    def do_formula(self, rest: str) -> None:
        """f(ormula): the rule of each argument in symbols, with shapes and, where there are few elements, numbers."""
        rule = self.wanted_rule("f")
        if rule is not None:
            for name in rule.gradients:
                self.say("\n".join([clipped(line, 4 * WIDTH) for line in three_lines(rule, name)]))

    def do_why(self, rest: str) -> None:
        """why gx[1, 2]: the terms that add up to this element, an element of g times its coefficient each."""
        rule = self.wanted_rule("why")
        if rule is None:
            return
        try:
            self.say(str(why(rule, *asked(rule, rest))))
        except (ValueError, IndexError, RuntimeError, TypeError) as error:
            self.complain(str(error))

    def do_chk(self, rest: str) -> None:
        """chk: the rule beside central differences of the op, in float64 at these inputs, with this g."""
        rule = self.wanted_rule("chk")
        if rule is None:
            return
        try:
            self.say(str(check_rule(rule)))
        except (ValueError, TypeError, RuntimeError) as error:
            self.complain(str(error))

    def do_up(self, rest: str) -> None:
        """u(p): look at the call that reads this one's output, and so sent it its gradient. The walk stays."""
        node = self.call()
        readers = [other for other in self.session.level
                   if any([edge is not None and call_of(edge) is node for edge in other.edges])]
        if not readers:
            return self.complain("up: nothing on the tape reads this output")
        self.look(readers[-1])

    def do_down(self, rest: str) -> None:
        """d(own) [ARGUMENT]: look at the call that made an argument, by default the first. The walk stays."""
        node = self.call()
        edges = {name: edge for name, edge in zip(node.op.names, node.edges, strict=True) if edge is not None} \
            if node else {}
        name = rest or next(iter(edges), "")
        if node is None or name not in edges:
            there = ", ".join(edges) or "none"
            return self.complain(f"down: {rest or 'this'} is no argument that a gradient goes to; there are {there}")
        if isinstance(edges[name], Tensor):
            return self.say(f"{name} is a leaf: " + stops.array_line(name, glance(edges[name])).strip())
        if call_of(edges[name]).op.name == "alias":
            return self.say(f"{name} is an argument of the definition itself")
        self.look(call_of(edges[name]))

    def look(self, node: Node) -> None:
        rule = self.session.rule_of(node)
        self.looked = node
        if rule is not None:
            return self.say("looking at\n" + stops.stop(rule, self.session))
        lines = [f"looking at {node.op.name} #{node.serial}  {node.note.layer if node.note else ''}".rstrip()]
        lines += [stops.array_line(name, glance(x)) for name, x in values_of(node).items() if hasattr(bare(x), "dtype")]
        self.say("\n".join([*lines, "    g        not computed yet"]))

    def do_display(self, rest: str) -> None:
        """display [E]: print an expression at every stop; alone, the list."""
        if not rest:
            return self.say("\n".join(self.shown) or "nothing is displayed")
        if rest not in self.shown:
            self.shown.append(rest)
        self.say(f"display {rest}: {self.tried(rest)}")

    def do_undisplay(self, rest: str) -> None:
        """undisplay [E]: no longer; alone, nothing."""
        if rest and rest not in self.shown:
            return self.complain(f"undisplay: {rest[:40]!r} is not displayed")
        self.shown[:] = [text for text in self.shown if rest and text != rest]

    def do_health(self, rest: str) -> None:
        """health: a row per layer, of what the walk has seen so far."""
        self.say(stops.health(self.session.rules()))

    # --- leaving ------------------------------------------------------------------------------------------------
    def do_save(self, rest: str) -> None:
        """save FILE: the events seen so far, as a page (.html), a trace (.json) or text (.txt)."""
        from .save import SaveError, save
        try:
            self.say(save(self.session.timeline, rest))
        except SaveError as error:
            self.complain(str(error))

    def do_quit(self, rest: str) -> None:
        """q(uit): leave; every .grad is as it was, unless the walk has ended. q!: end the program too."""
        self.left, self.aborted = True, rest == "!"

    def do_help(self, rest: str) -> None:
        """h(elp) [COMMAND]"""
        if not rest:
            return self.say(HELP)
        command = getattr(self, f"do_{SHORT.get(rest, rest)}", None)
        if command is None:
            return self.complain(self.unknown(rest))
        self.say("\n".join(stops.paragraph("", " ".join((command.__doc__ or "").split()))))


def is_called(event: Event, pattern: str) -> bool:
    """Whether it is the rule of an op or layer, or a leaf, of this name."""
    found = (event.op, event.layer) if isinstance(event, Rule) else (event.name,) if isinstance(event, Leaf) else ()
    return any([fnmatchcase(name, pattern) for name in found if name])
