# %% [markdown]
# # Backpropagation by hand
#
# A network learns because we can tell, for every number in it, how the loss would change if that number did. This
# notebook computes such gradients by hand first, then lets minigrad do it **one step at a time**, so that you can hold
# every number against your own:
#
# 1. the chain rule on scalars,
# 2. a value that is used twice,
# 3. broadcasting,
# 4. the same walk over LeNet-5 and real digits, down into a convolution,
# 5. and then it is your turn: write a gradient rule, and have it checked.

# %%
# %matplotlib inline
import matplotlib.pyplot as plt
import numpy as np

import minigrad as mg
from minigrad import debug, models
from minigrad.data import digits
from minigrad.testing import check_op

mg.manual_seed(0)

# %% [markdown]
# ## 1. The chain rule on scalars
#
# One neuron, one input: $y = \tanh(w x + b)$, and the loss is $L = (y - t)^2$ with the target $t = 1$.
#
# Give the numbers in between names: $p = w x$, $s = p + b$, $y = \tanh s$, $e = y - t$, $L = e^2$. Each is a function
# so simple that you know its derivative by heart. Going back from $L$, each step **multiplies what arrived** by the
# derivative of that one function:
#
# | step | arrives | times | gives |
# |---|---|---|---|
# | $L = e^2$ | $1$ | $2e$ | $\partial L/\partial e$ |
# | $e = y - t$ | $\partial L/\partial e$ | $1$ | $\partial L/\partial y$ |
# | $y = \tanh s$ | $\partial L/\partial y$ | $1 - y^2$ | $\partial L/\partial s$ |
# | $s = p + b$ | $\partial L/\partial s$ | $1$ (both) | $\partial L/\partial p$, $\partial L/\partial b$ |
# | $p = w x$ | $\partial L/\partial p$ | $x$ | $\partial L/\partial w$ |
#
# By hand, in plain Python:

# %%
w, x, b, t = 0.5, 2.0, -0.6, 1.0

s = w * x + b
y = np.tanh(s)
e = y - t

g_e = 1 * 2 * e             # through L = e^2
g_y = g_e * 1               # through e = y - t
g_s = g_y * (1 - y * y)     # through y = tanh(s)
g_b = g_s * 1               # through s = p + b
g_w = g_s * x               # through s = p + b and p = w x
print(f"L = {e * e:.4f}   dL/dw = {g_w:.4f}   dL/db = {g_b:.4f}")

# %% [markdown]
# Now the same with tensors. `debug.record()` notes names and source lines during the forward pass; `debug.walk(loss)`
# is `loss.backward()`, told event by event. Compare every number with the ones above.

# %%
w, b = mg.tensor(0.5, requires_grad=True), mg.tensor(-0.6, requires_grad=True)
with debug.record():
    loss = mg.square(mg.tanh(w * x + b) - t)

for event in debug.walk(loss):
    print(event)

# %% [markdown]
# How to read it: `#` numbers count the calls in the order of the forward pass, and the walk goes through them from the
# youngest to the oldest. Right of a call stands `g`, **the gradient that arrives** at its output. Below it stands the
# rule for each argument (`ga = g * b` is: the gradient of `a` is what arrived, times `b`), and the gradient that it
# gives. In a rule, `a`, `b` or `x` are the op's own names for its arguments, `y` is its output; the line `where ...`
# says what they are in this call. `=>` marks a leaf that has got all there is to get. At the end of the walk, and not
# before, it is in `.grad`:

# %%
print("w.grad", w.grad, "  b.grad", b.grad)
assert np.isclose(float(w.grad.data), g_w) and np.isclose(float(b.grad.data), g_b)

# %% [markdown]
# A picture of it: values go to the right (black), gradients come back (red).


# %%
def graph(places, arrows, size):
    """Boxes at places {name: (x, y, text)}; arrows [(from, to, gradient)]."""
    figure, axes = plt.subplots(figsize=size)
    for start, end, g in arrows:
        (x0, y0, _), (x1, y1, _) = places[start], places[end]
        arrow = {"arrowstyle": "->", "shrinkA": 36, "shrinkB": 36, "color": "0.3"}
        axes.annotate("", (x1, y1), (x0, y0), arrowprops=arrow)
        axes.text((x0 + x1) / 2, (y0 + y1) / 2 - 0.16, f"{g:.3g}", color="crimson", ha="center", va="top")
    for x, y, text in places.values():
        axes.text(x, y, text, ha="center", va="center", bbox={"boxstyle": "round,pad=0.5", "fc": "white", "ec": "0.3"})
    xs, ys = [x for x, _, _ in places.values()], [y for _, y, _ in places.values()]
    axes.set(xlim=(min(xs) - 0.5, max(xs) + 0.5), ylim=(min(ys) - 0.6, max(ys) + 0.6))
    axes.axis("off")
    plt.show()


graph({"w": (0, 1, "w = 0.5"), "b": (1, 0, "b = -0.6"), "p": (1, 1, f"w x\n{0.5 * x:.3g}"),
       "s": (2, 1, f"+ b\n{s:.3g}"), "y": (3, 1, f"tanh\n{y:.3g}"), "e": (4, 1, f"- t\n{e:.3g}"),
       "L": (5, 1, f"square\n{e * e:.3g}")},
      [("w", "p", g_w), ("p", "s", g_s), ("b", "s", g_b), ("s", "y", g_s), ("y", "e", g_y), ("e", "L", g_e)], (10, 2.6))

# %% [markdown]
# ## 2. A value that is used twice
#
# $L = a \cdot \tanh(a)$. There are two paths from $a$ to $L$: directly, and through $\tanh$. If $a$ moves, $L$ moves
# for both reasons, so the gradients of the two paths **add up**:
#
# $$\frac{dL}{da} = \underbrace{\tanh(a)}_{\text{direct}} + \underbrace{a \,(1 - \tanh^2 a)}_{\text{through tanh}}$$
#
# In the walk, watch `path 1 of 2` and `path 2 of 2`. A `=` where a `+=` belongs, the most frequent mistake in
# home-made backpropagation, would keep only the last one.

# %%
a = mg.tensor(0.8, requires_grad=True)
with debug.record():
    loss = a * mg.tanh(a)

for event in debug.walk(loss):
    print(event)

# %%
direct, through = np.tanh(0.8), 0.8 * (1 - np.tanh(0.8) ** 2)
print(f"by hand {direct:.4f} + {through:.4f} = {direct + through:.4f}, walk {float(a.grad.data):.4f}")
assert np.isclose(float(a.grad.data), direct + through)

graph({"a": (0, 0.5, "a = 0.8"), "h": (1.5, 1.4, f"tanh\n{np.tanh(0.8):.3g}"),
       "L": (3, 0.5, f"a * tanh\n{0.8 * np.tanh(0.8):.3g}")},
      [("a", "h", through), ("h", "L", 0.8), ("a", "L", direct)], (7, 3))

# %% [markdown]
# Can we trust it? Whatever the rule says, the loss itself knows: move $a$ a little both ways and look. The smaller the
# step the better, until rounding takes over. This is how every gradient of minigrad is tested.

# %%
def curve(a):
    return a * np.tanh(a)


steps = 10.0 ** np.arange(-13, 0.1)
errors = [abs((curve(0.8 + h) - curve(0.8 - h)) / (2 * h) - (direct + through)) for h in steps]
plt.figure(figsize=(6, 2.8))
plt.loglog(steps, errors, "o-", color="crimson")
plt.xlabel("step h")
plt.ylabel("|difference quotient - gradient|")
plt.title("too large a step is crude, too small a step is rounding")
plt.show()

# %% [markdown]
# ## 3. Broadcasting
#
# A bias of shape `(3,)` is added to a batch of shape `(4, 3)`: NumPy uses each of its numbers four times. A number that
# is used four times has four paths to the loss, and paths add up. So its gradient is **the sum over the axis along
# which it was repeated**. minigrad's walk does this for every op, in one place; the event says which axes.

# %%
x = mg.tensor(np.arange(12.0).reshape(4, 3) / 10)
bias = mg.tensor(np.array([0.1, -0.4, 0.2]), requires_grad=True)
with debug.record():
    loss = mg.square(x + bias).mean()

events = list(debug.walk(loss))
for event in events[2:]:
    print(event)

# %%
added = next(event for event in events if event.kind == "rule" and event.op == "add")
figure, (above, below) = plt.subplots(2, 1, figsize=(4.5, 4), height_ratios=[4, 1.2], sharex=True)
limits = {"cmap": "RdBu_r", "vmin": -0.8, "vmax": 0.8}
for axes, values, title in [(above, added.g, "arrives at x + bias: (4, 3)"),
                            (below, bias.grad.numpy()[None], "summed over axis 0: (3,)")]:
    axes.imshow(values, **limits)
    for (i, j), value in np.ndenumerate(values):
        axes.text(j, i, f"{value:.3f}", ha="center", va="center")
    axes.set(title=title, xticks=[], yticks=[])
plt.show()

# %% [markdown]
# Make a second loss with the same `bias` and walk again: the event of the leaf will say that its `.grad` already holds
# something. Gradients of several backward passes add up, too; that is what `zero_grad()` is for.
#
# ## 4. LeNet-5 on real digits
#
# Nothing changes for a real network; there are only more calls. Here are eight handwritten digits, an untrained
# LeNet-5, and its whole backward pass. The images ask for a gradient too, so that the walk goes all the way down to the
# pixels.

# %%
images, labels = digits().train[:8]
model = models.lenet5()
pixels = mg.tensor(images, requires_grad=True)
with debug.record():
    loss = mg.cross_entropy(model(pixels), mg.tensor(labels))
print(f"loss {float(loss.data):.3f}; a blind guess among ten has log(10) = {np.log(10):.3f}")

norms, proofs = [], []
for event in debug.walk(loss):
    if event.kind == "rule":
        norms.append((f"{event.op} {event.layer}", event.arrived[0].norm))
        if event.can_enter:
            *_, leave = event.into()            # walk through its definition as well, and see whether they agree
            proofs.append(leave)
        if event.op in ("cross_entropy", "linear"):
            print(event)

# %% [markdown]
# Each bar is one call, in the order of the walk. You see how much of the loss's gradient is left when it arrives there:
# it shrinks a little in every layer on its way down. In deeper networks this decides whether the first layers learn.

# %%
plt.figure(figsize=(8, 3.2))
plt.bar(range(len(norms)), [norm for _, norm in norms], color="crimson")
plt.xticks(range(len(norms)), [name for name, _ in norms], rotation=45, ha="right")
plt.yscale("log")
plt.ylabel("|g| that arrives")
plt.title("LeNet-5, from the loss (left) back to the first layer (right)")
plt.show()

# %% [markdown]
# The last stop is the image: the gradient of the loss by each pixel. Red pixels would raise the loss if they had more
# ink, blue ones would lower it.

# %%
figure, rows = plt.subplots(2, 8, figsize=(8, 2.3), dpi=60)
for column, (image, g) in enumerate(zip(images[:, 0], pixels.grad.numpy()[:, 0], strict=True)):
    rows[0, column].imshow(image, cmap="gray_r")
    rows[1, column].imshow(g, cmap="RdBu_r", vmin=-abs(g).max(), vmax=abs(g).max())
    rows[0, column].set_title(str(labels[column]))
for axes in rows.flat:
    axes.set(xticks=[], yticks=[])
plt.show()

# %% [markdown]
# **Into a convolution.** `conv2d` is a *fused* op: for speed its gradient is one hand-written rule. But it has a
# definition, too, made of small steps that you know by now: cut the image into windows (`unfold`), multiply by the
# filters (`matmul`), add the bias. `event.into()` walks that definition with the same arriving gradient. In the end
# both must agree, and the last line says how well they do. In this model the definition of every fused op was walked:

# %%
for leave in proofs:
    print(f"{leave.layer:>4}  {leave}")

# %%
with debug.record():
    loss = mg.cross_entropy(model(pixels), mg.tensor(labels))
for event in debug.walk(loss):
    if event.kind == "rule" and event.layer == "c1":
        print(event)
        for inner in event.into():
            print(inner)
        break                       # leaving a walk early leaves every .grad as it was

# %% [markdown]
# ## 5. Your turn
#
# Here is an op that minigrad does not have. It tells how well each row of `x` fits the same row of `z`:
#
# $$y_n = \sum_{d, e} x_{nd}\, a_{de}\, z_{ne}$$
#
# with `x` of shape `(n, d)`, `a` of shape `(d, e)`, `z` of shape `(n, e)` and `y` of shape `(n,)`.

# %% tags=["exercise"]
@mg.op
def score(x, a, z):
    """x (n, d)   a (d, e)   z (n, e)   ->   y (n,), y_n = x_n^T a z_n"""
    if x.shape[0] != z.shape[0] or a.shape != (x.shape[1], z.shape[1]):
        raise ValueError("x (n, d), a (d, e) and z (n, e) do not fit together")
    return ((x @ a) * z).sum(axis=1)


# %% [markdown]
# Write the three rules. `g` has the shape of `y`: `(n,)`. Each rule must return something of the shape of its argument.
#
# Ask for each number: along which paths does it reach the loss? `x[n, d]` is only in `y[n]`, but `a[d, e]` is in all of
# `y`. Write the sums out for n = d = e = 2 if you are stuck. Use operators, `.T`, `.sum(axis=...)` and indexing like
# `g[:, None]`, so that a rule works on arrays and on tensors.

# %% tags=["hole"]
def rule_x(g, a, z):
    return ...


def rule_a(g, x, z):
    return ...


def rule_z(g, x, a):
    return ...


# %% [markdown]
# The check compares your rules with difference quotients, in float64 and in random directions; it also takes the
# gradient of your gradient. When a rule is wrong it shows by how much, and for which input.

# %% tags=["check"]
def returned_nothing(rule, *arguments):
    """Whether a rule is still a hole; what else is wrong with it is not asked here."""
    try:
        value = rule(*arguments)
    except (ArithmeticError, AttributeError, LookupError, NameError, RuntimeError, TypeError, ValueError):
        return False
    return value is None or value is ...


def check(rule_x, rule_a, rule_z):
    """Whether the three rules are right; prints what is wrong."""
    ones = mg.ones((2, 2)), mg.ones((2, 2))
    for name, rule in (("rule_x", rule_x), ("rule_a", rule_a), ("rule_z", rule_z)):
        if returned_nothing(rule, mg.ones((2,)), *ones):
            print(f"not yet: {name} returned nothing: write its formula behind `return`")
            return False
    score.gradient(x=rule_x, a=rule_a, z=rule_z)
    rng = np.random.default_rng(0)
    cases = [tuple(rng.uniform(0.5, 2, shape) for shape in shapes)
             for shapes in [((3, 3), (3, 3), (3, 3)), ((4, 3), (3, 2), (4, 2)), ((1, 2), (2, 2), (1, 2))]]
    try:
        report = check_op(score, cases)
    except (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, RuntimeError, TypeError,
            ValueError) as error:
        print(f"not yet: {error}")
        return False
    print(f"right! {report}")
    return True


# %% tags=["try"]
solved = check(rule_x, rule_a, rule_z)

# %% [markdown]
# <details><summary>A solution, for when you have tried</summary>
#
# ```python
# def rule_x(g, a, z):
#     return g[:, None] * (z @ a.T)           # x[n, d] meets a[d, e] z[n, e], summed over e
#
# def rule_a(g, x, z):
#     return (g[:, None] * x).T @ z           # a[d, e] is in every y[n]: summed over n
#
# def rule_z(g, x, a):
#     return g[:, None] * (x @ a)             # z[n, e] meets x[n, d] a[d, e], summed over d
# ```
# </details>
#
# **To think about.** Which wrong rule would pass if there were only one row? Which mistake gets by as long as nobody
# looks at the values, because `a` is square? What does `debug.walk(score(x, a, z).sum())` print as your rule?
