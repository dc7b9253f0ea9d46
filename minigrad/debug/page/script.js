"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const events = data.trace.events, picture = data.picture;
const $ = id => document.getElementById(id), all = (query, root) => [...(root || document).querySelectorAll(query)];
const items = all("#events>li"), bars = all(".timeline [data-e]"), graph = $("graph");
let now = 0, view = 0, opened = false;       // the event; the picture, and whether it was opened by the walk
const stops = [];

// --- where events are ---
const levelOf = i => events[i].number.split(".").slice(0, -1).join(".");
const depthOf = i => events[i].number.split(".").length;
function find(from, by, test) {
  for (let i = from + by; i >= 0 && i < events.length; i += by) if (test(i)) return i;
  return -1;
}
const over = by => find(now, by, i => depthOf(i) <= depthOf(now));
function out() {
  const level = levelOf(now), layer = events[now].layer;
  if (level && events[now].kind !== "leave")
    return find(now, 1, i => events[i].kind === "leave" && levelOf(i) === level);
  return find(now, 1, i => depthOf(i) === 1 && events[i].kind === "rule" && events[i].layer !== layer);
}

// --- breakpoints, in the words of the terminal ---
function glob(pattern) {
  const words = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".");
  return new RegExp(`^${words}$`, "s");
}
const seen = e => [...e.arrived, ...Object.values(e.given)].filter(Boolean);
const compare = (a, sign, b) => ({">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b})[sign];
function parse(text) {
  let found;
  if (text === "nan") return e => seen(e).some(s => s.nans || s.infs);
  if ((found = /^(layer|op)\s+(\S+)$/.exec(text))) {
    const [, key, pattern] = found, form = glob(pattern);
    return e => e.kind === "rule" && form.test(e[key]);
  }
  if ((found = /^norm\s*([<>]=?)\s*(\S+)$/.exec(text)) && isFinite(found[2]))
    return e => e.kind === "rule" && seen(e).some(s => compare(Number(s.norm), found[1], Number(found[2])));
  if ((found = /^grad\((.+)\)\s*([<>]=?)\s*(\S+)$/.exec(text)) && isFinite(found[3])) {
    const form = glob(found[1].trim());
    return e => e.kind === "leaf" && form.test(e.name) && e.arrived.some(
      s => s && compare(Number(s.norm), found[2], Number(found[3])));
  }
  return null;
}
const isStop = i => stops.some(stop => stop.test(events[i]));
function showStops() {
  $("breaks").replaceChildren(...stops.map((stop, k) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = stop.text + " ×";
    button.setAttribute("aria-label", "clear breakpoint " + stop.text);
    button.addEventListener("click", () => { stops.splice(k, 1); showStops(); });
    return button;
  }));
  bars.forEach(bar => bar.classList.toggle("stop", isStop(Number(bar.dataset.e))));
}
function addStop(text) {
  const test = parse(text.trim());
  if (!test) return say(`no breakpoint: ${text}; there are ${$("break").title}`);
  stops.push({text: text.trim(), test});
  showStops();
  say(`breakpoint ${stops.length}: ${text.trim()}, ${events.filter((e, i) => isStop(i)).length} events`);
}

// --- showing ---
function say(words) { $("live").textContent = words; }
function scroll(pane, element) {
  if (!pane || !element) return;
  const around = pane.getBoundingClientRect(), place = element.getBoundingClientRect();
  let top = pane.scrollTop;         // said even where nothing moves, for an earlier scroll may still be on its way
  if (place.top < around.top || place.bottom > around.bottom)
    top += place.top - around.top - Math.max(0, Math.min(40, (around.height - place.height) / 2));
  pane.scrollTo({top, left: pane.scrollLeft + place.left - around.left - (around.width - place.width) / 2});
}
function paint() {
  let best = null, least = Infinity;
  for (const element of graph ? all("[data-e]", graph) : []) {
    if (element.classList.contains("never")) continue;
    const numbers = element.dataset.e ? element.dataset.e.split(" ").map(Number) : [];
    if (!numbers.length) continue;
    element.classList.toggle("yet", numbers[0] > now);
    element.classList.remove("now");
    if (!element.classList.contains("wire") && numbers.includes(now) && numbers.length < least)
      [best, least] = [element, numbers.length];
  }
  if (best) best.classList.add("now");
  scroll($("graph-pane"), best);
  bars.forEach((bar, i) => {
    bar.classList.toggle("yet", i > now);
    bar.classList.toggle("now", i === now);
  });
  scroll($("time-pane"), bars[now]);
}
function draw(number, key) {
  if (!picture || number === undefined) return;
  const state = picture.states[view = number], at = state.at;
  let markup = "";
  for (let i = 0; i < at.length; i += 3)
    markup += `<g transform="translate(${at[i + 1]},${at[i + 2]})"${picture.pieces[at[i]]}`;
  graph.querySelector(".picture").innerHTML = markup;
  graph.setAttribute("width", state.w);
  graph.setAttribute("height", state.h);
  graph.setAttribute("viewBox", `0 0 ${state.w} ${state.h}`);
  for (const toggle of all("[data-block]", graph)) {
    toggle.setAttribute("tabindex", "0");
    toggle.setAttribute("role", "button");
    toggle.setAttribute("aria-expanded", toggle.parentNode.classList.contains("heading"));
    if (toggle.dataset.block === key) toggle.focus({preventScroll: true});
  }
}
function show(i, fromAddress) {
  if (i < 0 || i >= events.length) return say(i < 0 ? "there is no further event" : "there is no such event");
  items[now].classList.remove("now");
  items[now].firstElementChild.open = false;
  now = i;
  items.forEach((item, k) => item.classList.toggle("yet", k > i));
  items[i].classList.add("now");
  items[i].firstElementChild.open = true;
  const level = levelOf(i), wanted = picture && level ? picture.opens[level] : undefined;
  if (wanted !== undefined && wanted !== view) { draw(wanted); opened = true; }
  else if (!level && opened) { draw(0); opened = false; }
  paint();
  const pane = $("list-pane");
  pane.scrollTop += items[i].getBoundingClientRect().top - pane.getBoundingClientRect().top - 40;
  say(`event ${i + 1} of ${events.length}: ` + items[i].querySelector("summary").innerText.replace(/\s+/g, " ").trim());
  if (!fromAddress) try { history.replaceState(null, "", "#e=" + events[i].number); } catch (e) { /* in a frame */ }
}
function tab(name) {
  for (const each of all("[role=tab]")) {
    const chosen = each.id === "tab-" + name;
    each.setAttribute("aria-selected", chosen);
    each.tabIndex = chosen ? 0 : -1;
    $(each.getAttribute("aria-controls")).hidden = !chosen;
  }
}
function toNumber(number, fromAddress) {
  const i = events.findIndex(e => e.number === number);
  if (i < 0) return say(`there is no event ${number}`);
  tab("step");
  show(i, fromAddress);
}
function follow(address) {
  const name = decodeURIComponent(address.slice(1));
  if (name.startsWith("e=")) return toNumber(name.slice(2), true);
  if ($("tab-" + name)) { tab(name); scrollTo(0, 0); }
}

// --- keys, buttons, clicks ---
const actions = {
  back: () => show(over(-1)), next: () => show(over(1)), step: () => show(now + 1 < events.length ? now + 1 : -1),
  out: () => show(out()), first: () => show(0), last: () => show(events.length - 1),
  continue: () => { const i = find(now, 1, isStop); show(i < 0 ? events.length - 1 : i); },
  goto: () => $("goto").focus(), break: () => $("break").focus(), help: () => $("help").showModal(),
};
const keys = {n: "next", ArrowRight: "next", s: "step", i: "step", r: "out", o: "out", c: "continue", N: "back", P: "back",
  ArrowLeft: "back", Home: "first", End: "last", g: "goto", b: "break", "?": "help"};
addEventListener("keydown", event => {
  const at = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  if (at.matches("input, textarea, select")) {
    if (event.key === "Escape") at.blur();
    if (event.key === "Enter" && at.id === "goto") { toNumber(at.value.trim()); at.value = ""; at.blur(); }
    if (event.key === "Enter" && at.id === "break") { addStop(at.value); at.value = ""; at.blur(); }
    return;
  }
  if (at.matches("[role=tab]") && event.key.startsWith("Arrow")) {
    const tabs = all("[role=tab]"), by = event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : -1;
    const next = tabs[(tabs.indexOf(at) + by + tabs.length) % tabs.length];
    next.focus();
    tab(next.id.slice(4));
    return event.preventDefault();
  }
  if (at.dataset && at.dataset.block && (event.key === "Enter" || event.key === " ")) {
    toggle(at);
    return event.preventDefault();
  }
  const action = keys[event.key];
  if (!action || $("step").hidden && action !== "help") return;
  event.preventDefault();
  actions[action]();
});
function toggle(element) {
  opened = false;
  draw(picture.states[view].to[element.dataset.block], element.dataset.block);
  paint();
}
addEventListener("click", event => {
  const button = event.target.closest("[data-do]"), block = event.target.closest("[data-block]");
  const link = event.target.closest("a[href^='#e=']");
  if (button) return actions[button.dataset.do]();
  if (block) return toggle(block);
  if (link) { event.preventDefault(); return toNumber(link.getAttribute("href").slice(3)); }
  const head = event.target.closest("#events>li>details>summary");
  if (head) { event.preventDefault(); show(Number(head.closest("li").dataset.i)); return; }
  const chosen = event.target.closest("[role=tab]");
  if (chosen) tab(chosen.id.slice(4));
});
addEventListener("hashchange", () => follow(location.hash));
addEventListener("load", () => { if ($("step").hidden) scrollTo(0, 0); });      // browsers go to the address's anchor

document.documentElement.classList.add("js");
all(".scripted").forEach(element => { element.hidden = false; });
all("#step, #architecture, #health").forEach(section => section.setAttribute("role", "tabpanel"));
tab("step");
if (picture) draw(0);
if (events.length) show(0, true);
if (location.hash) follow(location.hash);
