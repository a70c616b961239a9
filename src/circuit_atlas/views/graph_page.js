"use strict";
/* The behaviour of the page. plotly draws axes, edges and nodes; an SVG element above it shows what is highlighted: drawing
   that with plotly, too, would take too long for each move of the mouse.
   Text from the graph enters the page through textContent only, so that it cannot be markup. */
(() => {
const started = performance.now();
const data = JSON.parse(document.getElementById("data").textContent);
const byId = id => document.getElementById(id);
const graph = byId("graph"), panel = byId("panel"), tools = byId("tools");
const NAMED_NEIGHBORS = 6, MAX_ROWS = 40;
const SMALLEST_SCALE = .6;  // how far the picture shrinks to fit; then one can scroll
const compared = data.graphs.length === 2;

const element = (tag, text, className) => {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
};
const drawing = (tag, attributes, parent) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
};
const pageLink = address => {
  const link = element("a", "page on Neuronpedia"), cell = element("dd");
  Object.assign(link, {href: address, target: "_blank", rel: "noopener"});
  cell.append(link);
  return cell;
};
const number = value => value === null ? "–" : Number(value.toPrecision(4)).toString();
const cut = (text, longest) => text.length > longest ? text.slice(0, longest - 1) + "…" : text;
/* A name that is cut keeps the place that tells it from others. */
const cutTitle = (node, longest) => cut(node.name, longest) + node.title.slice(node.name.length);

/* Nodes and edges: those of the graph, or those of the graph in which each supernode is one node. */

const nodes = data.nodes.map((node, id) => ({...node, id, members: null}));
const edges = data.edges.source.map((source, i) => ({
  source: nodes[source], target: nodes[data.edges.target[i]],
  weight: data.edges.weight[i], other: compared ? data.edges.other[i] : null,
}));
for (const edge of edges) measure(edge);

/* Sets what follows from an edge's weights. `group` is an index of data.edge_groups, see `edge_group` in figure.py. */
function measure(edge) {
  edge.strength = Math.max(Math.abs(edge.weight ?? 0), Math.abs(edge.other ?? 0));
  edge.group = !compared ? Number(edge.weight < 0)
    : edge.weight !== null && edge.other !== null ? 0 : edge.other === null ? 1 : 2;
}

const state = {
  kinds: new Set(data.kinds.map(kind => kind.name)), sides: new Set([0, 1, 2]), threshold: 0, collapsed: false, found: null, hovered: null,
  pins: new Set(), pathsOn: true, paths: new Set(data.paths.keys()), path: null,
};
let shown;  // the nodes and edges that are drawn
let shownAs;  // each node -> itself, or its supernode; nothing for a node that is hidden

/* Finds out what is shown in the present state. */
function select() {
  shownAs = new Map();
  const merged = state.collapsed ? mergeSupernodes() : [];
  for (const node of nodes) if (wanted(node) && !shownAs.has(node)) shownAs.set(node, node);
  const visible = [...new Set(shownAs.values())];
  const inputs = new Map(visible.map(node => [node, []])), outputs = new Map(visible.map(node => [node, []]));
  const kept = (merged.length ? sumEdges() : edges.filter(e => shownAs.has(e.source) && shownAs.has(e.target)));
  for (const edge of kept) { inputs.get(edge.target).push(edge); outputs.get(edge.source).push(edge); }
  shown = {nodes: visible, edges: kept, inputs, outputs};
}

const wanted = node => state.kinds.has(node.kind) && state.sides.has(node.side);

/* One node for each supernode. It lies in the middle of its members, and its area is the sum of theirs. In a picture of two
   graphs, influence is summed in each; a supernode is in both, unless all its members are in the same one. It stays the same
   object, so that it stays pinned. */
const supernodes = new Map();
function mergeSupernodes() {
  const groups = new Map();
  for (const node of nodes) {
    if (!node.supernodes.length || !wanted(node)) continue;
    const name = node.supernodes.at(-1);  // a node of several supernodes belongs to the last one
    groups.set(name, [...(groups.get(name) ?? []), node]);
  }
  return [...groups].map(([name, members]) => {
    const mean = of => members.reduce((sum, node) => sum + of(node), 0) / members.length;
    const sum = values => values.some(value => value !== null) ? values.reduce((total, value) => total + (value ?? 0), 0) : null;
    const side = members.every(node => node.side === members[0].side) ? members[0].side : 0;
    const influence = [1, 2].map(graph => sum(members.map(node =>
      node.side === 0 && graph === 2 ? node.second?.influence ?? null : node.side === 0 || node.side === graph ? node.influence : null)));
    const group = supernodes.get(name) ?? {};
    supernodes.set(name, Object.assign(group, {
      key: "supernode:" + name, name, page: null, title: name, kind: "supernode", layer: null, position: null, activation: null, probability: null,
      explanation: null, influence: influence[side === 2 ? 1 : 0], supernodes: [], members, side,
      second: compared && side === 0 ? {activation: null, influence: influence[1], probability: null} : null,
      x: mean(node => node.x), y: mean(node => node.y), color: "#56B4E9", symbol: "circle",
      size: Math.min(34, Math.sqrt(members.reduce((area, node) => area + node.size ** 2, 0)) + 6),
    }));
    for (const node of members) shownAs.set(node, group);
    return group;
  });
}

/* The sums of the direct effects between what is shown; effects within a supernode are left out. */
function sumEdges() {
  const sums = new Map();
  const add = (a, b) => a === null ? b : b === null ? a : a + b;
  for (const edge of edges) {
    const source = shownAs.get(edge.source), target = shownAs.get(edge.target);
    if (!source || !target || source === target) continue;
    if (!sums.has(source)) sums.set(source, new Map());
    const known = sums.get(source).get(target);
    if (known) { known.weight = add(known.weight, edge.weight); known.other = add(known.other, edge.other); }
    else sums.get(source).set(target, {source, target, weight: edge.weight, other: edge.other});
  }
  const result = [...sums.values()].flatMap(targets => [...targets.values()]);
  result.forEach(measure);
  return result.sort((a, b) => b.strength - a.strength);
}

/* What plotly draws. The traces of edges come first, see `graph_figure` in figure.py. */

const traces = data.figure.data, layout = data.figure.layout;
const supernodeTrace = {
  type: "scatter", mode: "markers", x: [], y: [], hoverinfo: "none", meta: "supernodes",
  marker: {symbol: "circle", opacity: 1, line: {color: "#111", width: 1.4}},
};
const config = {displaylogo: false, responsive: false, doubleClick: "reset", plotlyServerURL: "",
  modeBarButtonsToRemove: ["sendChartToCloud", "toImage", "select2d", "lasso2d", "autoScale2d"]};
const labels = layout.annotations;  // of logits, each with the place of its node as its name
const natural = {width: layout.width, height: layout.height, tickangle: layout.xaxis.tickangle};
let scale = 1;  // of what is drawn, to the natural size; see `fit`
const sizeOf = node => node.size * scale;
let traceNodes = [];  // the nodes of each trace, by which events of plotly find a node

let visibleEdges = [];

function draw() {
  const largest = (shown.edges.length && shown.edges[0].strength) || 1;
  visibleEdges = shown.edges.filter(edge => edge.strength >= state.threshold);
  const strongest = visibleEdges.slice(0, data.edges_drawn);
  const drawn = traces.map((trace, i) => {
    if (trace.meta === "edges") return edgeTrace(trace, i, strongest, largest);
    if (trace.meta === "nodes") return nodeTrace(trace, shown.nodes.filter(node => node.kind === trace.name), i);
    return trace.meta === "paths" ? {...trace, visible: false} : trace;  // paths are highlighted instead
  });
  drawn.push(nodeTrace(supernodeTrace, shown.nodes.filter(node => node.members), drawn.length));
  const visible = new Set(shown.nodes.map(node => String(node.id)));
  layout.annotations = labels.filter(label => visible.has(label.name));
  return Plotly.react(graph, drawn, layout, config);
}

function nodeTrace(trace, members, i) {
  traceNodes[i] = members;
  const marker = {...trace.marker, size: members.map(sizeOf), color: members.map(node => node.color)};
  return {...trace, x: members.map(node => node.x), y: members.map(node => node.y), customdata: members.map(node => node.key), marker};
}

function edgeTrace(trace, i, strongest, largest) {
  const steps = data.edge_steps, group = Math.floor(i / steps.length), width = i % steps.length, x = [], y = [];
  const widthOf = edge => steps.findIndex(step => edge.strength / largest >= step);
  for (const edge of strongest) {
    if (edge.group !== group || widthOf(edge) !== width) continue;
    x.push(edge.source.x, edge.target.x, null);
    y.push(edge.source.y, edge.target.y, null);
  }
  return {...trace, x, y};
}

/* What is highlighted: paths, nodes found, and the neighbours of pinned nodes and of the one that the mouse points at. */

const SHAPES = {
  circle: r => `M${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0Z`,
  square: r => `M${-r},${-r}H${r}V${r}H${-r}Z`,
  diamond: r => `M0,${-1.3 * r}L${1.3 * r},0L0,${1.3 * r}L${-1.3 * r},0Z`,
  cross: r => `M${-r},${-r / 3}H${-r / 3}V${-r}H${r / 3}V${-r / 3}H${r}V${r / 3}H${r / 3}V${r}H${-r / 3}V${r / 3}H${-r}Z`,
  "triangle-up": r => `M0,${-r}L${1.15 * r},${.8 * r}H${-1.15 * r}Z`,
  hexagon: r => `M${r},0L${r / 2},${.87 * r}H${-r / 2}L${-r},0L${-r / 2},${-.87 * r}H${r / 2}Z`,
};
const TEXT = {"font-size": 11.5, "font-family": data.figure.layout.font.family, fill: "#111", "paint-order": "stroke",
  stroke: "#fff", "stroke-width": 3.5, "stroke-linejoin": "round"};
let overlay = null;

function highlight() {
  overlay?.remove();
  const full = graph._fullLayout;
  overlay = drawing("svg", {class: "overlay", width: full.width, height: full.height}, graph);
  const area = {x: full._size.l, y: full._size.t, width: full._size.w, height: full._size.h};
  const clip = drawing("clipPath", {id: "area"}, overlay);
  drawing("rect", {...area, x: area.x - 12, width: area.width + 24, y: area.y - 12, height: area.height + 24}, clip);
  const all = drawing("g", {"clip-path": "url(#area)"}, overlay);
  const place = node => [full.xaxis._offset + full.xaxis.l2p(node.x), full.yaxis._offset + full.yaxis.l2p(node.y)];
  const canvas = {group: all, place, area, names: new Map()};
  const focus = [...state.pins];
  if (state.hovered && !state.pins.has(state.hovered)) focus.unshift(state.hovered);
  if (!focus.length) for (const node of shown.nodes) if (node.members) name(canvas, node);
  if (state.path !== null) highlightPaths(canvas, [state.path], true);
  else if (focus.length) focus.forEach(node => highlightNode(canvas, node));
  else if (state.pathsOn) highlightPaths(canvas, [...state.paths], false);
  if (state.found && state.path === null && !state.hovered) highlightFound(canvas);
  drawNames(canvas);
  graph.classList.toggle("dimmed", state.path !== null || focus.length > 0 || state.found !== null);
}

function line(canvas, edge, style) {
  const [x1, y1] = canvas.place(edge.source), [x2, y2] = canvas.place(edge.target);
  drawing("line", {x1, y1, x2, y2, "stroke-linecap": "round", ...style}, canvas.group);
}

function mark(canvas, node, role) {
  const [x, y] = canvas.place(node);
  const ring = {focus: ["#111", 2.2], in: ["#111", 1.1], out: ["#111", 1.1], found: ["#111", 1.6], path: ["#111", 1.2]}[role];
  drawing("path", {
    d: SHAPES[node.symbol](sizeOf(node) / 2 + (role === "focus" ? 2 : .5)), transform: `translate(${x},${y})`, fill: node.color,
    stroke: ring[0], "stroke-width": ring[1], class: "lit " + role, "data-key": node.key,
  }, canvas.group);
}

function name(canvas, node, text) {
  if (!canvas.names.has(node)) canvas.names.set(node, text ?? cutTitle(node, 32));
}

const ruler = document.createElement("canvas").getContext("2d");
ruler.font = `${TEXT["font-size"]}px ${TEXT["font-family"]}`;

/* Draws names beside nodes, on the side where there is room within the axes, or not at all. */
function drawNames(canvas) {
  const taken = [], {area} = canvas, right = area.x + area.width + 10;
  for (const [node, text] of canvas.names) {
    const [x, y] = canvas.place(node), width = ruler.measureText(text).width + 5, gap = sizeOf(node) / 2 + 5;
    const places = [[x + gap, y + 4], [x - gap - width, y + 4], [x - width / 2, y - gap - 2], [x - width / 2, y + gap + 10]];
    const fits = ([left, base]) => left > area.x - 8 && left + width < right && base > area.y + 4 && !taken.some(box =>
      left < box[0] + box[2] && box[0] < left + width && Math.abs(base - box[1]) < 13);
    const found = places.find(fits);
    if (!found) continue;
    taken.push([found[0], found[1], width]);
    drawing("text", {x: found[0], y: found[1], "data-key": node.key, ...TEXT}, canvas.group).textContent = text;
  }
}

const isNamedOnAxis = node => node.kind === "token" || node.kind === "logit";
const weightText = edge => compared
  ? `${number(edge.weight)} | ${number(edge.other)}` : (edge.weight > 0 ? "+" : "") + number(edge.weight);
const strongEdges = (map, node) => (map.get(node) ?? []).filter(edge => edge.strength >= state.threshold);

function highlightNode(canvas, node) {
  const inputs = strongEdges(shown.inputs, node), outputs = strongEdges(shown.outputs, node);
  const largest = Math.max(1e-12, ...[inputs, outputs].map(side => side.length ? side[0].strength : 0));
  const style = edge => ({
    stroke: data.edge_groups[edge.group].color, "stroke-width": .7 + 3.8 * edge.strength / largest,
    "stroke-opacity": .35 + .6 * edge.strength / largest,
  });
  for (const edge of inputs.toReversed()) line(canvas, edge, {...style(edge), class: "lit-edge in"});
  for (const edge of outputs.toReversed()) line(canvas, edge, {...style(edge), class: "lit-edge out", "stroke-dasharray": "6 3"});
  for (const edge of inputs) mark(canvas, edge.source, "in");
  for (const edge of outputs) mark(canvas, edge.target, "out");
  mark(canvas, node, "focus");
  name(canvas, node);
  const caption = (other, edge) => (isNamedOnAxis(other) ? "" : cutTitle(other, 26) + "  ") + weightText(edge);
  for (const edge of inputs.slice(0, NAMED_NEIGHBORS)) name(canvas, edge.source, caption(edge.source, edge));
  for (const edge of outputs.slice(0, NAMED_NEIGHBORS)) name(canvas, edge.target, caption(edge.target, edge));
}

function highlightPaths(canvas, places, alone) {
  const passed = new Set();
  for (const place of places) {
    const along = data.paths[place].nodes.map(id => shownAs.get(nodes[id]));
    for (let i = 1; i < along.length; i++) {
      if (!along[i - 1] || !along[i] || along[i - 1] === along[i]) continue;
      line(canvas, {source: along[i - 1], target: along[i]},
        {stroke: data.sign_colors[Number(data.paths[place].weights[i - 1] < 0)], "stroke-width": alone ? 3 : 2, "stroke-opacity": .75, class: "lit-edge path"});
    }
    along.filter(Boolean).forEach(node => passed.add(node));
  }
  for (const node of passed) { mark(canvas, node, "path"); if (!isNamedOnAxis(node)) name(canvas, node); }
}

function highlightFound(canvas) {
  for (const node of state.found) mark(canvas, node, "found");
  for (const node of state.found.slice(0, 12)) name(canvas, node);
}

/* The panel beside the graph. */

function showPanel() {
  panel.replaceChildren();
  state.path = null;  // its row is gone, and will not say that the mouse has left it
  const node = state.hovered ?? [...state.pins].at(-1);
  if (node) showNode(node); else if (state.found) showFound(); else showPaths();
}

function showNode(node) {
  panel.append(element("h2", node.title));
  const list = element("dl");
  const add = (term, value) => {
    if (value === null || value === undefined || value === "") return;
    list.append(element("dt", term), element("dd", typeof value === "number" ? number(value) : value));
  };
  add("kind", node.kind);
  if (!node.members) add("key", node.key);
  add("layer", node.layer === null ? null : String(node.layer));
  add("position", node.position === null ? null : `${node.position}  ${node.token}`);
  add("explanation", node.explanation === node.name ? null : node.explanation);
  for (const what of ["activation", "influence", "probability"]) {
    if (node.second) add(what, node[what] === null && node.second[what] === null ? null : `${number(node[what])} | ${number(node.second[what])}`);
    else add(what, node[what]);
  }
  add("supernodes", node.supernodes.join(", "));
  if (node.page) list.append(element("dt", ""), pageLink(node.page));
  if (compared) add("", data.sides[node.side].name);
  if (node.members) add("members", node.members.map(member => member.title).join(", "));
  panel.append(list);
  showEdges("Inputs", strongEdges(shown.inputs, node), edge => edge.source);
  showEdges("Outputs", strongEdges(shown.outputs, node), edge => edge.target);
  const pinned = state.pins.has(node);
  panel.append(element("p", pinned ? "Pinned. Click it again to unpin it; Escape unpins all." : "Click to pin it.", "muted"));
}

function showEdges(title, found, end) {
  panel.append(element("h3", `${title} (${found.length.toLocaleString("en")})`));
  const rows = element("div", undefined, compared ? "compared" : "");
  for (const edge of found.slice(0, MAX_ROWS)) {
    const weight = element("b", weightText(edge));
    weight.style.color = data.edge_groups[edge.group].color;
    rows.append(nodeRow(end(edge), weight));
  }
  panel.append(rows);
  if (found.length > MAX_ROWS) panel.append(element("div", `… and ${found.length - MAX_ROWS} weaker ones`, "muted"));
}

/* A button that pins a node. */
function nodeRow(node, before) {
  const row = element("button", undefined, "row");
  row.append(before, element("span", node.title));
  row.title = node.key;
  row.addEventListener("click", () => pin(node));
  return row;
}

function showFound() {
  panel.append(element("h3", `Found (${state.found.length.toLocaleString("en")})`));
  for (const node of state.found.slice(0, MAX_ROWS)) panel.append(nodeRow(node, element("b", node.kind)));
  if (state.found.length > MAX_ROWS) panel.append(element("div", `… and ${state.found.length - MAX_ROWS} more`, "muted"));
}

function showPaths() {
  data.paths.forEach((path, i) => {
    if (i === 0 || path.graph !== data.paths[i - 1].graph) panel.append(element("h3", pathsTitle(path.graph)));
    const row = element("label", undefined, "path"), box = element("input");
    box.type = "checkbox";
    box.checked = state.paths.has(i);
    box.addEventListener("change", () => { state.paths[box.checked ? "add" : "delete"](i); highlight(); });
    const steps = element("span");
    steps.append(element("bdi", nodes[path.nodes[0]].title));  // names from right to left do not turn the arrows
    path.weights.forEach((weight, step) => {
      const arrow = element("span", weight < 0 ? " ⊣ " : " → ");
      arrow.style.color = data.sign_colors[Number(weight < 0)];
      arrow.title = number(weight);
      steps.append(arrow, element("bdi", nodes[path.nodes[step + 1]].title));
    });
    row.append(box, element("b", number(path.score)), steps);
    row.addEventListener("mouseenter", () => { state.path = i; highlight(); });
    row.addEventListener("mouseleave", () => { state.path = null; highlight(); });
    panel.append(row);
  });
  panel.append(element("h3", "Edges"));
  for (const group of data.edge_groups) {
    const row = element("div"), swatch = element("span", undefined, "swatch");
    swatch.style.color = group.color;
    row.append(swatch, element("span", group.name));
    panel.append(row);
  }
  const few = visibleEdges.length <= data.edges_drawn;
  panel.append(element("p", (few ? `All ${visibleEdges.length.toLocaleString("en")} edges are drawn. ` : `The ` +
    `${data.edges_drawn.toLocaleString("en")} strongest of ${visibleEdges.length.toLocaleString("en")} edges are drawn. `) +
    "Point at a node to highlight all its edges: inputs are solid, outputs are dashed. Click a node to pin it. Drag to " +
    "move the graph. To zoom, drag an axis or use the buttons above the graph. Double-click to see the whole graph.",
    "muted"));
}

const pathsTitle = graph =>
  `Top ${data.paths.filter(path => path.graph === graph).length} paths` + (compared ? " of " + graph : "");

/* Tools. */

function refresh() { select(); forgetHidden(); return draw().then(() => { showPanel(); highlight(); }); }
function forgetHidden() {
  const visible = new Set(shown.nodes);
  state.pins = new Set([...state.pins].filter(node => visible.has(node)));
  if (!visible.has(state.hovered)) state.hovered = null;
  search();
}
function pin(node) {
  if (!state.pins.delete(node)) state.pins.add(node);
  state.hovered = null;
  showPanel(); highlight();
}
function search() {
  const wanted = byId("search").value.trim().toLowerCase();
  state.found = wanted ? shown.nodes.filter(node => [node.name, node.key, node.explanation ?? ""].some(
    text => text.toLowerCase().includes(wanted))) : null;
  byId("found").textContent = state.found ? `${state.found.length.toLocaleString("en")} found` : "";
}
byId("search").addEventListener("input", () => { search(); showPanel(); highlight(); });

const strengths = edges.map(edge => edge.strength).filter(strength => strength > 0);
const [weakest, strongest] = strengths.length ? [strengths.at(-1), strengths[0]] : [1, 1];
/* The slider is logarithmic: most edges are weak. */
byId("weight").addEventListener("input", () => {
  const value = Number(byId("weight").value);
  state.threshold = value === 0 ? 0 : Math.min(strongest, weakest * (strongest / weakest) ** (value / 100));
  showThreshold();
  refresh();
});
const showThreshold = () => { byId("threshold").textContent = state.threshold ? `|w| ≥ ${number(state.threshold)}` : "all"; };

function addCheckboxes(place, set, options, count) {
  for (const {name, value, color, symbol} of options) {
    const number = nodes.filter(node => count(node) === value).length;
    if (!number) continue;
    const label = element("label", undefined, "box"), box = element("input");
    box.type = "checkbox"; box.checked = true; box.name = name;
    box.addEventListener("change", () => { set[box.checked ? "add" : "delete"](value); refresh(); });
    const icon = drawing("svg", {width: 16, height: 16, viewBox: "-8 -8 16 16"}, label);
    drawing("path", {d: SHAPES[symbol](5.5), fill: color}, icon);
    label.prepend(box);
    label.append(` ${name} ${number.toLocaleString("en")}`);
    byId(place).append(label);
  }
}
addCheckboxes("kinds", state.kinds, data.kinds.map(kind => ({...kind, value: kind.name, color: compared ? "#777" : kind.color})),
  node => node.kind);
addCheckboxes("sides", state.sides, data.sides.map((side, value) => ({...side, value, symbol: "circle"})), node => node.side);

/* Saves the picture as it is now, with what is highlighted. */
byId("save").addEventListener("click", async () => {
  const url = await Plotly.toImage(graph, {format: "svg", width: layout.width, height: layout.height});
  const dim = graph.classList.contains("dimmed") ? "<style>.scatterlayer{opacity:.22}</style>" : "";
  const svg = decodeURIComponent(url.slice(url.indexOf(",") + 1));
  const whole = svg.slice(0, svg.lastIndexOf("</svg>")) + dim + new XMLSerializer().serializeToString(overlay) + "</svg>";
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([whole], {type: "image/svg+xml"}));
  link.download = data.file + ".svg";
  link.click();
  URL.revokeObjectURL(link.href);
});
byId("paths-on").addEventListener("change", event => { state.pathsOn = event.target.checked; highlight(); });
byId("paths-on").parentElement.hidden = !data.paths.length;
byId("collapse").addEventListener("change", event => { state.collapsed = event.target.checked; refresh(); });
byId("collapse").parentElement.hidden = !nodes.some(node => node.supernodes.length);
document.addEventListener("keydown", event => {
  if (event.key !== "Escape") return;
  state.pins.clear(); state.hovered = null; showPanel(); highlight();
});

/* The picture is as wide as there is room. If that is little, it shrinks, nodes and labels included, so that nodes do not
   overlap; if it is very little, one can scroll, and sees the end of the prompt first, where the logits are. */
function fit() {
  const room = byId("stage").clientWidth - 18, sides = layout.margin.l + layout.margin.r;
  layout.width = Math.max(room, Math.ceil((natural.width - sides) * SMALLEST_SCALE) + sides);
  layout.height = Math.max(natural.height, byId("stage").clientHeight - 6);
  scale = Math.min(1, (layout.width - sides) / (natural.width - sides));
  layout.xaxis.tickangle = scale < 1 ? -45 : natural.tickangle;
  for (const label of labels) label.font.size = Math.max(8, 11 * scale);
}
fit();
new ResizeObserver(() => {
  const {width, height} = layout;
  fit();
  if (width !== layout.width || height !== layout.height) draw().then(highlight);
}).observe(byId("stage"));

showThreshold();
const nodeOf = event => traceNodes[event.points[0].curveNumber]?.[event.points[0].pointNumber] ?? null;
refresh().then(() => {
  byId("stage").scrollLeft = byId("stage").scrollWidth;
  graph.on("plotly_hover", event => { state.hovered = nodeOf(event); showPanel(); highlight(); });
  graph.on("plotly_unhover", () => { state.hovered = null; showPanel(); highlight(); });
  graph.on("plotly_click", event => { const node = nodeOf(event); if (node) pin(node); });
  graph.on("plotly_relayout", () => highlight());
  graph.on("plotly_relayouting", () => highlight());
  document.documentElement.dataset.started = Math.round(started);
  document.documentElement.dataset.drawn = Math.round(performance.now());
});
})();
