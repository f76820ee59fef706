// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//
// A flame graph, in an HTML page or an SVG image.  The profile is in #profile:
//
//	title, lines	what it is, escaped as everything else that is shown
//	kinds		what the kinds of functions are called
//	modules		files
//	functions	name, kind, module; name, kind, module; ...
//	nodes		depth, function, weight, other; ...: each before its callees,
//			with the weight of its own; *other* is how many samples that
//			is, or what the weight was before
//	time		weights are ns, else samples
//	diff		other is what the weight was before
//
// Only what can be seen is in the page.  All text gets there as text.
"use strict";
(() => {
const XHTML = "http://www.w3.org/1999/xhtml", SVG = "http://www.w3.org/2000/svg";
const ROW = 18, LEAST = 0.7, COMM = 6;
const data = JSON.parse(document.getElementById("profile").textContent);
const count = data.nodes.length / 4;
const depth = new Int32Array(count), parent = new Int32Array(count), fun = new Int32Array(count);
const last = new Int32Array(count); // of the subtree
const self = new Float64Array(count), total = new Float64Array(count);
const other = new Float64Array(count), start = new Float64Array(count);
let deepest = 0, zoomed = 0, chosen = -1, flipped = false, before = false;
let search = null; // for each function, whether it matches

function element(space, name, attributes, ...children) {
	const e = document.createElementNS(space, name);
	for (const key in attributes)
		e.setAttribute(key, attributes[key]);
	e.append(...children);
	return e;
}
const html = (name, attributes, ...children) => element(XHTML, name, attributes, ...children);
const svg = (name, attributes, ...children) => element(SVG, name, attributes, ...children);

// ---- the tree ----

function load() {
	const path = [];
	for (let i = 0; i < count; i++) {
		[depth[i], fun[i], self[i], other[i]] = data.nodes.slice(4 * i, 4 * i + 4);
		path[depth[i]] = i;
		parent[i] = i ? path[depth[i] - 1] : -1;
		total[i] = self[i];
		last[i] = i;
		deepest = Math.max(deepest, depth[i]);
	}
	for (let i = count - 1; i > 0; i--) {
		total[parent[i]] += total[i];
		other[parent[i]] += other[i];
		last[parent[i]] = Math.max(last[parent[i]], last[i]);
	}
}

// What the widths are of.
const width = i => before ? other[i] : total[i];

function arrange() {
	const next = new Float64Array(count);
	for (let i = 1; i < count; i++) {
		start[i] = next[i] = next[parent[i]];
		next[parent[i]] += width(i);
	}
}

const share = (part, all) => all ? part / all : 0;
// By how much its share of all has grown.
const change = i => share(total[i], total[0]) - share(other[i], other[0]);
const percent = x => (100 * x).toFixed(2) + "%";
const signed = x => (x > 0 ? "+" : x < 0 ? "\u2212" : "\u00b1") + percent(Math.abs(x));

function weight(v) {
	if (!data.time)
		return v + (v === 1 ? " sample" : " samples");
	for (const [unit, scale] of [["s", 1e9], ["ms", 1e6], ["us", 1e3]])
		if (v >= scale)
			return (v / scale).toPrecision(4) + unit;
	return v + "ns";
}

const name = i => i ? data.functions[3 * fun[i]] : "all";
const kind = i => depth[i] < 2 ? COMM : data.functions[3 * fun[i] + 1];

function describe(i) {
	const module = i && depth[i] > 1 ? data.modules[data.functions[3 * fun[i] + 2]] : "";
	const lines = [name(i) + (i ? " (" + data.kinds[kind(i)] + (module ? ", " + module : "") + ")" : "")];
	lines.push(weight(total[i]) + ", " + percent(share(total[i], total[0])) + " of all" +
		(zoomed ? ", " + percent(share(total[i], total[zoomed])) + " of what is shown" : "") +
		"; its own: " + weight(self[i]) + ", " + percent(share(self[i], total[0])));
	if (data.diff)
		lines.push(signed(change(i)) + " points: " + percent(share(other[i], other[0])) + " of all before");
	else if (data.time)
		lines.push(other[i] + (other[i] === 1 ? " sample" : " samples"));
	return lines;
}

// ---- drawing ----

const title = html("h1", {}, data.title);
const input = html("input", { id: "search", type: "search", placeholder: "search: regular expression  ( / )",
	"aria-label": "search functions by regular expression", autocomplete: "off", spellcheck: "false" });
const matched = html("output", { id: "matched", "aria-live": "polite" });
const reset = html("button", { id: "reset", type: "button" }, "Reset (Esc)");
const flip = html("button", { id: "flip", type: "button" }, "Flip (f)");
const swap = html("button", { id: "swap", type: "button" }, "Widths: after (w)");
const legend = html("div", { id: "legend" });
const frames = svg("svg", { id: "frames", tabindex: 0, role: "application",
	"aria-label": "flame graph: arrow keys choose a frame, Enter zooms", "aria-describedby": "details" });
const scroll = html("div", { id: "scroll" }, frames);
const details = html("div", { id: "details", "aria-live": "polite" });
const tip = html("div", { id: "tip", role: "tooltip", hidden: "" });
const help = html("div", { id: "help" }, "Click or Enter: zoom. Arrows: choose a frame. /: search. " +
	"f: flip. " + (data.diff ? "w: widths of before or after. " : "") + "Esc: reset.");
let letter = 7.3, greatest = 0;

function hash(text) {
	let h = 0;
	for (let i = 0; i < text.length && i < 64; i++)
		h = (31 * h + text.charCodeAt(i)) % 251;
	return h / 250;
}

// Red: more, blue: less; as profile_flame.c has it.
function tint(i) {
	const c = change(i), t = c ? 0.15 + 0.85 * Math.abs(c) / greatest : 0;
	const to = c > 0 ? [240, 112, 92] : [112, 160, 240];
	return "rgb(" + to.map((v, k) => Math.round([232, 228, 222][k] * (1 - t) + v * t)).join() + ")";
}

function fit(text, pixels) {
	let room = Math.floor(pixels / letter), n = 0;
	const letters = Array.from(text.slice(0, 2 * Math.max(room, 0) + 2));
	for (const c of letters) {
		room -= c > "\u02ff" ? 2 : 1;
		if (room < 0)
			return n > 2 ? letters.slice(0, n - 1).join("") + "\u2026" : "";
		n++;
	}
	return letters.join("");
}

function frame(i, x, w, y) {
	const g = svg("g", { "data-node": i }), k = kind(i);
	const box = { x: x.toFixed(2), y, width: w.toFixed(2), height: ROW, rx: 2 };
	const back = svg("rect", { ...box, class: data.diff ? "f" : "f f" + k });
	const label = fit((data.diff ? signed(change(i)) + " " : "") + name(i), w - 6);
	if (data.diff)
		back.setAttribute("fill", tint(i));
	else
		back.setAttribute("fill-opacity", (1 - 0.25 * hash(name(i))).toFixed(2));
	g.append(back);
	if (k > 0 && k < COMM && w > 3)
		g.append(svg("rect", { ...box, class: "o", fill: "url(#k" + k + ")" }));
	if (label)
		g.append(svg("text", { class: "label", x: (x + 3).toFixed(2), y: y + ROW - 5 }, label));
	const classes = [];
	if (i < zoomed)
		classes.push("above");
	if (search && i)
		classes.push(search[fun[i]] ? "match" : "unmatched");
	if (i === chosen)
		classes.push("chosen");
	if (classes.length)
		g.setAttribute("class", classes.join(" "));
	return g;
}

function draw() {
	const across = scroll.clientWidth, high = Math.max((deepest + 1) * ROW, scroll.clientHeight);
	const scale = width(zoomed) ? across / width(zoomed) : 0;
	const y = i => flipped ? depth[i] * ROW : high - (depth[i] + 1) * ROW;
	const top = scroll.scrollTop - ROW, bottom = scroll.scrollTop + scroll.clientHeight;
	const seen = i => y(i) >= top && y(i) <= bottom;
	const all = document.createDocumentFragment();
	frames.setAttribute("height", high);
	frames.setAttribute("viewBox", "0 0 " + across + " " + high);
	for (let i = parent[zoomed]; i >= 0; i = parent[i])
		if (seen(i))
			all.prepend(frame(i, 0, across, y(i)));
	for (let i = zoomed; i <= last[zoomed]; i++) {
		const w = width(i) * scale;
		if (w < LEAST && i !== zoomed)
			i = last[i];
		else if (seen(i))
			all.append(frame(i, (start[i] - start[zoomed]) * scale, i === zoomed ? across : w, y(i)));
	}
	frames.replaceChildren(all);
}

let pending = false;
function redraw() {
	if (!pending)
		requestAnimationFrame(() => { pending = false; draw(); });
	pending = true;
}

// ---- what the user does ----

function say(i) {
	details.textContent = i >= 0 ? describe(i).join("; ") : "";
}

function zoom(i) {
	zoomed = i;
	say(i || chosen);
	draw();
}

function choose(i) {
	if (i < 0 || i >= count)
		return;
	chosen = i;
	if (i < zoomed || i > last[zoomed])
		zoomed = i;
	const high = Math.max((deepest + 1) * ROW, scroll.clientHeight);
	const y = flipped ? depth[i] * ROW : high - (depth[i] + 1) * ROW;
	if (y < scroll.scrollTop)
		scroll.scrollTop = y;
	else if (y + ROW > scroll.scrollTop + scroll.clientHeight)
		scroll.scrollTop = y + ROW - scroll.clientHeight;
	say(i);
	draw();
}

// The frame beside it, of the same caller.
function beside(i, step) {
	let prior = -1;
	if (i <= 0)
		return i;
	for (let k = parent[i] + 1; k <= last[parent[i]]; k = last[k] + 1) {
		if (step < 0 && k === i || step > 0 && prior === i)
			return step < 0 ? prior : k;
		prior = k;
	}
	return i;
}

function widestCallee(i) {
	let best = i;
	for (let k = i + 1; k <= last[i]; k = last[k] + 1)
		if (best === i || width(k) > width(best))
			best = k;
	return best;
}

function find() {
	const text = input.value;
	let sum = 0, pattern;
	search = null;
	input.removeAttribute("aria-invalid");
	matched.textContent = "";
	if (text) {
		try {
			pattern = new RegExp(text, "u");
		} catch (e) {
			input.setAttribute("aria-invalid", "true");
			matched.textContent = "no regular expression";
		}
	}
	if (pattern) {
		search = [];
		for (let f = 0; f < data.functions.length / 3; f++)
			search.push(pattern.test(data.functions[3 * f]));
		for (let i = 1; i < count; i++) {
			if (search[fun[i]]) {
				sum += total[i];
				i = last[i];
			}
		}
		matched.textContent = "matched: " + percent(share(sum, total[0]));
	}
	draw();
}

function clear() {
	input.value = "";
	zoomed = 0;
	chosen = -1;
	say(-1);
	find();
}

function turn() {
	flipped = !flipped;
	scroll.scrollTop = flipped ? 0 : scroll.scrollHeight;
	draw();
}

function exchange() {
	before = !before;
	swap.textContent = before ? "Widths: before (w)" : "Widths: after (w)";
	arrange();
	draw();
}

function at(event) {
	const g = event.target.closest("[data-node]");
	return g ? Number(g.getAttribute("data-node")) : -1;
}

function hover(event) {
	const i = at(event);
	tip.hidden = i < 0;
	if (i < 0)
		return;
	tip.textContent = describe(i).map(line => line.length > 500 ? line.slice(0, 500) + "\u2026" : line).join("\n");
	const x = event.clientX, y = event.clientY, w = tip.offsetWidth, h = tip.offsetHeight;
	tip.style.left = Math.max(0, Math.min(x + 14, innerWidth - w - 4)) + "px";
	tip.style.top = (y + 18 + h > innerHeight ? Math.max(0, y - h - 8) : y + 18) + "px";
	say(i);
}

const keys = {
	"/": () => input.focus(),
	f: turn,
	w: () => data.diff && exchange(),
	Escape: clear,
	Enter: () => chosen >= 0 && zoom(chosen),
	Home: () => choose(0),
	ArrowUp: () => choose(chosen < 0 ? 0 : flipped ? Math.max(parent[chosen], 0) : widestCallee(chosen)),
	ArrowDown: () => choose(chosen < 0 ? 0 : flipped ? widestCallee(chosen) : Math.max(parent[chosen], 0)),
	ArrowLeft: () => choose(beside(Math.max(chosen, 0), -1)),
	ArrowRight: () => choose(beside(Math.max(chosen, 0), 1)),
};

function key(event) {
	const typing = event.target === input, does = keys[event.key];
	if (!does || event.ctrlKey || event.altKey || event.metaKey || (typing && event.key !== "Escape") ||
	    (event.key === "Enter" && event.target.localName === "button"))
		return;
	event.preventDefault();
	if (typing)
		frames.focus();
	does();
}

// ---- the page ----

function swatch(k) {
	const box = { width: 22, height: 13, rx: 2 };
	return html("span", {}, svg("svg", { width: 22, height: 13 },
		svg("rect", { ...box, class: data.diff ? "f f6" : "f f" + k }),
		svg("rect", { ...box, class: "o", fill: k && k < COMM ? "url(#k" + k + ")" : "none" })), data.kinds[k]);
}

function mount() {
	const still = document.getElementById("still");
	const app = html("div", { id: "app" }, title, ...data.lines.map(line => html("p", {}, line)),
		html("div", { id: "bar" }, input, matched, reset, flip, ...(data.diff ? [swap] : []), legend),
		scroll, details, help, tip);
	const present = new Set();
	for (let i = 0; i < count; i++)
		present.add(kind(i));
	for (const k of [...present].sort())
		legend.append(swatch(k));
	if (document.body) {
		still.replaceWith(app);
	} else {
		const root = document.documentElement;
		still.remove();
		root.removeAttribute("viewBox");
		root.setAttribute("width", "100%");
		root.setAttribute("height", "100%");
		root.append(svg("foreignObject", { width: "100%", height: "100%" }, app));
	}
	const probe = svg("text", { class: "label" }, "abcdefghij");
	frames.append(probe);
	letter = probe.getComputedTextLength() / 10 || letter;
	if (data.diff)
		for (let i = 1; i < count; i++)
			greatest = Math.max(greatest, Math.abs(change(i)));
	if (data.diff && !total[0])
		exchange();
	draw();
	scroll.scrollTop = scroll.scrollHeight;
	reset.addEventListener("click", clear);
	flip.addEventListener("click", turn);
	swap.addEventListener("click", exchange);
	input.addEventListener("input", find);
	scroll.addEventListener("scroll", redraw);
	addEventListener("resize", redraw);
	addEventListener("keydown", key);
	frames.addEventListener("click", event => at(event) >= 0 && (chosen = at(event), zoom(chosen)));
	frames.addEventListener("mousemove", hover);
	frames.addEventListener("mouseleave", () => { tip.hidden = true; });
}

load();
arrange();
mount();
})();
