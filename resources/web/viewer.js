// Draws a circuit that `circuitviz.draw.page_data` describes: pan, zoom, hover, search and filters.
// The page that `circuitviz export` writes is this module, the style sheet beside it and the description.
// All text of a document becomes text nodes; nothing of it is parsed as HTML.

const CHANNELS = ["", "q", "k", "v"];
const CHANNEL_NAMES = { "": "direct", q: "query", k: "key", v: "value" };
const NAME_FONT = '12px system-ui, "Segoe UI", sans-serif';
const LABEL_FONT = '11px system-ui, "Segoe UI", sans-serif';
const FIT_MARGIN_PX = 24, HIT_RADIUS_PX = 6, LEAST_ZOOM = 0.02, MOST_ZOOM = 8, LEAST_TEXT_ZOOM = 0.35;
const READABLE_ZOOM = 0.75; // at least, where a search or a key leads to a node
const FIRST_EDGES = 2000; // drawn at first, the strongest, so that a large circuit answers at once
const PALE = 0.3; // opacity of what is neither under the pointer nor selected, nor next to it

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name in made && name !== "list") made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const rounded = (value) => (value === 0 ? "0" : Number(value.toPrecision(4)).toString().replace("-", "−"));

// The cubic pieces of an edge: from point to point, along the layers at both ends, as on the canvas.
function edgePath(points, data) {
  const path = new Path2D(), share = data.controlPointShare;
  path.moveTo(points[0], points[1]);
  for (let i = 2; i < points.length; i += 2) {
    const [x0, y0, x1, y1] = points.slice(i - 2, i + 2);
    const bend = share * (data.isHorizontal ? x1 - x0 : y1 - y0);
    if (data.isHorizontal) path.bezierCurveTo(x0 + bend, y0, x1 - bend, y1, x1, y1);
    else path.bezierCurveTo(x0, y0 + bend, x1, y1 - bend, x1, y1);
  }
  return path;
}

function boxPath(node) {
  const path = new Path2D(), [left, top, right, bottom] = node.box;
  if (node.corners.length) {
    node.corners.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
    path.closePath();
  } else path.roundRect(left, top, right - left, bottom - top, node.radius);
  return path;
}

// Left, top, right and bottom of an edge's points; its curves stay within them.
function boundsOf(points) {
  const xs = points.filter((_, i) => i % 2 === 0), ys = points.filter((_, i) => i % 2 === 1);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

export class Viewer {
  /** `data`: a description by `page_data.describe_circuit`; `host`: the element that is filled. */
  constructor(host, data) {
    this.host = host;
    this.data = data;
    this.zoom = 1;
    this.offset = [0, 0];
    this.hovered = this.selected = null; // {node: row} or {edge: row}
    this.matches = new Set();
    // An edge into a key-value input that heads share is drawn once for each of them, and counts once.
    const ranks = new Map();
    for (const { name } of [...data.edges].reverse()) if (!ranks.has(name)) ranks.set(name, ranks.size);
    this.ranks = data.edges.map(({ name }) => ranks.get(name));
    this.edgeCount = ranks.size;
    this.filters = { most: Math.min(this.edgeCount, FIRST_EDGES), sign: "all", channels: new Set(CHANNELS) };
    this.nodes = data.nodes.map((node) => ({ ...node, path: boxPath(node) }));
    this.edges = data.edges.map((edge) => ({ ...edge, path: edgePath(edge.points, data), bounds: boundsOf(edge.points) }));
    this.edgesOfNode = this.nodes.map(() => []);
    this.edges.forEach((edge, row) => {
      this.edgesOfNode[edge.sender].push(row);
      if (edge.receiver !== edge.sender) this.edgesOfNode[edge.receiver].push(row);
    });
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", () => this.draw());
    this.build();
    new ResizeObserver(() => this.resize()).observe(this.stage);
    this.applyFilters();
  }

  get palette() {
    return this.data.palettes[this.dark.matches ? "dark" : "light"];
  }

  build() {
    this.canvas = make("canvas", { tabIndex: 0, className: "canvas" });
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", "Circuit. Arrow keys go from node to node, Enter selects, Escape lets go, + and − zoom, 0 fits.");
    this.stage = make("div", { className: "stage" }, this.canvas);
    this.details = make("aside", { className: "details" });
    this.details.setAttribute("aria-live", "polite");
    this.host.classList.add("circuit-viewer");
    this.host.append(this.buildToolbar(), make("div", { className: "workspace" }, this.stage, this.details));
    this.listen();
    this.showDetails();
  }

  buildToolbar() {
    const n = this.edgeCount;
    this.search = make("input", { type: "search", placeholder: "Search nodes and labels", ariaLabel: "Search nodes and labels" });
    this.search.addEventListener("input", () => this.find(this.search.value));
    this.search.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && this.matches.size) this.select({ node: [...this.matches][0] }, true);
      if (event.key === "Escape") { this.search.value = ""; this.find(""); }
    });
    this.most = make("input", { type: "range", min: 0, max: n, value: this.filters.most, ariaLabel: "Number of edges, the strongest" });
    this.count = make("output");
    this.most.addEventListener("input", () => { this.filters.most = Number(this.most.value); this.applyFilters(); });
    this.sign = make("select", { ariaLabel: "Sign of the score" });
    for (const [value, text] of [["all", "both signs"], ["positive", "positive"], ["negative", "negative"]])
      this.sign.append(make("option", { value }, text));
    this.sign.addEventListener("change", () => { this.filters.sign = this.sign.value; this.applyFilters(); });
    const present = new Set(this.data.edges.map((edge) => CHANNELS[edge.channel]));
    const boxes = CHANNELS.filter((c) => present.has(c)).map((channel) => {
      const box = make("input", { type: "checkbox", checked: true, value: channel });
      box.addEventListener("change", () => {
        this.filters.channels[box.checked ? "add" : "delete"](channel);
        this.applyFilters();
      });
      return make("label", { className: `channel channel-${CHANNEL_NAMES[channel]}` }, box, CHANNEL_NAMES[channel]);
    });
    const button = (text, label, action) => {
      const made = make("button", { type: "button", ariaLabel: label, title: label }, text);
      made.addEventListener("click", action);
      return made;
    };
    return make("div", { className: "toolbar" }, this.search,
      make("label", { className: "most" }, "Edges", this.most, this.count), this.sign,
      ...(boxes.length > 1 ? [make("span", { className: "channels" }, ...boxes)] : []),
      make("span", { className: "zooming" }, button("−", "Zoom out", () => this.zoomBy(1 / 1.3)),
        button("+", "Zoom in", () => this.zoomBy(1.3)), button("Fit", "Fit the circuit", () => this.fit())));
  }

  listen() {
    const at = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const pointers = new Map();
    let moved = false;
    this.canvas.addEventListener("pointerdown", (event) => {
      pointers.set(event.pointerId, at(event));
      moved = pointers.size > 1;
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const to = at(event), from = pointers.get(event.pointerId);
      if (!from) return this.hover(this.hit(...to));
      if (!moved && Math.hypot(to[0] - from[0], to[1] - from[1]) < 4) return;
      moved = this.isMoved = true;
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) {
        const distance = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]);
        this.zoomBy(distance(to) / Math.max(distance(from), 1), other);
      } else this.offset = [this.offset[0] + to[0] - from[0], this.offset[1] + to[1] - from[1]];
      pointers.set(event.pointerId, to);
      this.draw();
    });
    const release = (event) => {
      if (event.type === "pointerup" && pointers.has(event.pointerId) && !moved) this.select(this.hit(...at(event)));
      pointers.delete(event.pointerId);
    };
    this.canvas.addEventListener("pointerup", release);
    this.canvas.addEventListener("pointercancel", release);
    this.canvas.addEventListener("pointerleave", () => this.hover(null));
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY * 0.0015), at(event));
    }, { passive: false });
    this.canvas.addEventListener("keydown", (event) => this.pressKey(event));
  }

  pressKey(event) {
    const directions = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (directions[event.key]) this.step(directions[event.key]);
    else if (event.key === "Escape") { this.hovered = null; this.select(null); }
    else if (event.key === "+" || event.key === "=") this.zoomBy(1.3);
    else if (event.key === "-") this.zoomBy(1 / 1.3);
    else if (event.key === "0") this.fit();
    else if (event.key === "Enter" && this.hovered) this.select(this.hovered);
    else return;
    event.preventDefault();
  }

  // The box of a node, of an edge between its ends, or of several nodes.
  boxOf({ node, edge, several }) {
    const ends = edge !== undefined ? [this.edges[edge].sender, this.edges[edge].receiver] : several ?? [node];
    const boxes = ends.map((row) => this.nodes[row].box), of = (place, choose) => choose(...boxes.map((box) => box[place]));
    return [of(0, Math.min), of(1, Math.min), of(2, Math.max), of(3, Math.max)];
  }

  // Selects what a label names: a node, an edge, `group:NAME` or `class:NAME`, whose nodes the page lists.
  selectNamed(name, members) {
    const edge = this.edges.findIndex((one) => one.name === name);
    const node = this.nodes.findIndex((one) => (one.members.length ? `group:${one.name}` : one.name) === name);
    const isAmong = (one) => (one.members.length ? one.members : [one.name]).some((part) => members.includes(part));
    const several = this.nodes.flatMap((one, row) => (isAmong(one) ? [row] : []));
    this.search.value = "";
    this.find("");
    if (node >= 0) return this.select({ node }, true);
    if (edge >= 0) return this.select({ edge }, true);
    this.select(null);
    if (!several.length) return;
    this.matches = new Set(several);
    this.bringIntoView({ several });
    this.draw();
  }

  // The nearest node in a direction, sideways distance counted twice; without a selection, the first node.
  step([dx, dy]) {
    const middle = (node) => [(node.box[0] + node.box[2]) / 2, (node.box[1] + node.box[3]) / 2];
    if (this.selected?.node === undefined) return this.select({ node: 0 }, true);
    const [x, y] = middle(this.nodes[this.selected.node]);
    let best = null, least = Infinity;
    this.nodes.forEach((node, row) => {
      const [nx, ny] = middle(node), along = (nx - x) * dx + (ny - y) * dy;
      const far = along + 2 * Math.abs((nx - x) * dy + (ny - y) * dx);
      if (along > 1 && far < least) [best, least] = [row, far];
    });
    if (best !== null) this.select({ node: best }, true);
  }

  applyFilters() {
    const { most, sign, channels } = this.filters;
    this.edges.forEach((edge, row) => {
      edge.shown = this.ranks[row] < most && channels.has(CHANNELS[edge.channel]) &&
        (sign === "all" || (sign === "positive" ? edge.score >= 0 : edge.score < 0));
    });
    this.shownEdges = new Set(this.edges.filter((edge) => edge.shown).map((edge) => edge.name)).size;
    this.count.value = `${this.shownEdges.toLocaleString("en")} of ${this.edgeCount.toLocaleString("en")}`;
    this.draw();
  }

  find(text) {
    const wanted = text.trim().toLowerCase();
    const has = (node) => [node.name, node.title, node.label].some((part) => part.toLowerCase().includes(wanted));
    this.matches = new Set(wanted ? this.nodes.flatMap((node, row) => (has(node) ? [row] : [])) : []);
    this.search.classList.toggle("nothing", Boolean(wanted) && !this.matches.size);
    this.draw();
  }

  hover(target) {
    if (JSON.stringify(target) === JSON.stringify(this.hovered)) return;
    this.hovered = target;
    this.canvas.style.cursor = target ? "pointer" : "grab";
    this.showDetails();
    this.draw();
  }

  select(target, isKeptInView = false) {
    this.selected = target;
    if (target && isKeptInView) this.bringIntoView(target);
    this.showDetails();
    this.draw();
  }

  bringIntoView(target) {
    this.isMoved = true;
    if (this.zoom < READABLE_ZOOM) this.zoomBy(READABLE_ZOOM / this.zoom);
    const [left, top, right, bottom] = this.boxOf(target), { clientWidth, clientHeight } = this.stage;
    const x = ((left + right) / 2) * this.zoom + this.offset[0], y = ((top + bottom) / 2) * this.zoom + this.offset[1];
    if (x < 40 || x > clientWidth - 40) this.offset[0] += clientWidth / 2 - x;
    if (y < 40 || y > clientHeight - 40) this.offset[1] += clientHeight / 2 - y;
  }

  // Another size of the window: what was fitted is fitted again; what a person zoomed or moved keeps its middle.
  resize() {
    const { clientWidth: width, clientHeight: height } = this.stage, [oldWidth, oldHeight] = this.size ?? [0, 0];
    if (!width || !height) return;
    this.size = [width, height];
    if (!this.isMoved || !oldWidth) return this.fit();
    this.offset = [this.offset[0] + (width - oldWidth) / 2, this.offset[1] + (height - oldHeight) / 2];
    this.draw();
  }

  fit() {
    this.isMoved = false;
    const { clientWidth: width, clientHeight: height } = this.stage, [left, top, right, bottom] = this.data.bounds;
    if (!width || !height) return;
    const wide = (width - 2 * FIT_MARGIN_PX) / (right - left), high = (height - 2 * FIT_MARGIN_PX) / (bottom - top);
    this.zoom = Math.max(LEAST_ZOOM, Math.min(wide, high, 1.6));
    this.offset = [(width - this.zoom * (left + right)) / 2, (height - this.zoom * (top + bottom)) / 2];
    this.draw();
  }

  zoomBy(factor, about = [this.stage.clientWidth / 2, this.stage.clientHeight / 2]) {
    this.isMoved = true;
    const zoom = Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, this.zoom * factor)), ratio = zoom / this.zoom;
    this.offset = this.offset.map((place, i) => about[i] - (about[i] - place) * ratio);
    this.zoom = zoom;
    this.draw();
  }

  // What lies at a place of the canvas in CSS pixels: a node, else the strongest edge near it.
  hit(px, py) {
    const x = (px - this.offset[0]) / this.zoom, y = (py - this.offset[1]) / this.zoom;
    for (let row = this.nodes.length - 1; row >= 0; row--) {
      const [left, top, right, bottom] = this.nodes[row].box;
      if (x >= left && x <= right && y >= top && y <= bottom) return { node: row };
    }
    const context = this.canvas.getContext("2d"), radius = HIT_RADIUS_PX / this.zoom;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.setLineDash([]);
    context.lineWidth = 2 * radius;
    let found = null;
    for (let row = this.edges.length - 1; row >= 0 && !found; row--) {
      const { shown, path, bounds: [left, top, right, bottom] } = this.edges[row];
      if (!shown) continue;
      if (x < left - radius || x > right + radius || y < top - radius || y > bottom + radius) continue;
      if (context.isPointInStroke(path, x, y)) found = { edge: row };
    }
    context.restore();
    return found;
  }

  draw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => { this.frame = 0; this.paint(); });
  }

  paint() {
    const { clientWidth: width, clientHeight: height } = this.stage, dense = devicePixelRatio || 1;
    const { canvas, zoom, palette } = this, context = canvas.getContext("2d");
    if (canvas.width !== Math.round(width * dense)) canvas.width = Math.round(width * dense);
    if (canvas.height !== Math.round(height * dense)) canvas.height = Math.round(height * dense);
    context.setTransform(dense, 0, 0, dense, 0, 0);
    context.fillStyle = palette.ground;
    context.fillRect(0, 0, width, height);
    context.setTransform(dense * zoom, 0, 0, dense * zoom, dense * this.offset[0], dense * this.offset[1]);
    const focus = this.hovered ?? this.selected, near = this.neighbours(focus);
    const used = new Set();
    this.drawn = { nodes: 0, edges: 0 };
    const passes = focus ? [false, true] : [false];
    for (const isFocusPass of passes)
      this.edges.forEach((edge, row) => {
        if (!edge.shown) return;
        used.add(edge.sender).add(edge.receiver);
        const isNear = !focus || near.edges.has(row);
        if (isFocusPass !== (Boolean(focus) && isNear)) return;
        this.drawn.edges++;
        context.globalAlpha = isNear ? (focus ? 0.95 : edge.opacity) : PALE * edge.opacity;
        context.strokeStyle = palette.inks[edge.ink];
        context.lineWidth = Math.max(edge.width, 0.6 / zoom);
        context.setLineDash(edge.dash);
        context.stroke(edge.path);
        if (edge.endInk < 0) return;
        const [x, y] = edge.points.slice(-2);
        context.fillStyle = palette.inks[edge.endInk];
        context.beginPath();
        context.arc(x, y, Math.max(2, 0.8 * edge.width), 0, 2 * Math.PI);
        context.fill();
      });
    context.setLineDash([]);
    this.nodes.forEach((node, row) => {
      this.drawn.nodes++;
      this.paintNode(context, node, row, !focus || near.nodes.has(row), used.has(row) || !this.edges.length);
    });
    this.paintTokens(context);
    context.globalAlpha = 1;
  }

  paintNode(context, node, row, isNear, isUsed) {
    const { palette, zoom } = this, look = node.looks[this.dark.matches ? "dark" : "light"];
    const isMatch = this.matches.has(row), isSelected = this.selected?.node === row;
    const isPale = this.matches.size ? !isMatch : !isNear || !isUsed;
    context.globalAlpha = 1;
    context.fillStyle = palette.ground;
    context.fill(node.path); // no edge shows through a pale box
    context.globalAlpha = isPale ? 0.3 : node.ablated ? 0.55 : 1;
    context.fillStyle = look.fill;
    context.strokeStyle = isSelected || isMatch ? palette.accent : look.line;
    context.lineWidth = isSelected || isMatch ? 3 : look.width;
    context.setLineDash(node.ablated ? [4, 3] : []);
    context.fill(node.path);
    context.stroke(node.path);
    context.setLineDash([]);
    if (zoom < LEAST_TEXT_ZOOM && !isMatch && !isSelected && this.hovered?.node !== row) return;
    const [left, top, right, bottom] = node.box, x = (left + right) / 2, y = (top + bottom) / 2, room = right - left - (right - left < 40 ? 2 : 8);
    context.fillStyle = node.ablated ? palette.muted : palette.text;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = NAME_FONT;
    if (zoom < LEAST_TEXT_ZOOM) { // from afar: as large as on the screen, above its box
      context.save();
      context.translate(x, top);
      context.scale(1 / zoom, 1 / zoom);
      context.lineWidth = 4;
      context.strokeStyle = palette.ground;
      context.strokeText(node.title, 0, -9);
      context.fillText(node.title, 0, -9);
      context.restore();
      return;
    }
    const isTall = node.label && bottom - top >= 30;
    context.fillText(this.shorten(context, node.boxTitle, room), x, isTall ? y - 8 : y);
    if (!isTall) return;
    context.font = LABEL_FONT;
    context.fillText(this.shorten(context, node.label, room), x, y + 9);
  }

  paintTokens(context) {
    context.globalAlpha = 1;
    context.fillStyle = this.palette.muted;
    context.font = NAME_FONT;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (const column of this.data.columns) context.fillText(this.shorten(context, column.text, column.room), column.x, column.y);
  }

  shorten(context, text, room) {
    this.widths ??= new Map();
    const key = `${context.font}|${room}|${text}`;
    if (!this.widths.has(key)) {
      let kept = text;
      while (kept.length > 1 && context.measureText(kept === text ? text : `${kept}…`).width > room) kept = kept.slice(0, -1);
      this.widths.set(key, kept === text ? text : `${kept.trimEnd()}…`);
    }
    return this.widths.get(key);
  }

  neighbours(focus) {
    const nodes = new Set(), edges = new Set();
    if (focus?.edge !== undefined) edges.add(focus.edge);
    if (focus?.node !== undefined) {
      nodes.add(focus.node);
      this.edgesOfNode[focus.node].forEach((row) => edges.add(row));
    }
    for (const row of edges) if (this.edges[row].shown) nodes.add(this.edges[row].sender).add(this.edges[row].receiver);
    return { nodes, edges };
  }

  showDetails() {
    const target = this.hovered ?? this.selected;
    this.details.replaceChildren(...(target ? this.describe(target) : [make("p", { className: "hint" },
      "Point at a node or an edge, or press an arrow key on the drawing, to read its numbers here.")]));
  }

  describe({ node, edge }) {
    if (edge !== undefined) {
      const { name, score, channel, count, ablated, evidence } = this.edges[edge];
      const facts = [this.data.hasScores ? `score ${rounded(score)}` : "no score", `into ${CHANNEL_NAMES[CHANNELS[channel]]}`];
      if (count > 1) facts.push(`${count} edges`);
      if (ablated) facts.push("ablated");
      return [make("h2", {}, name), make("p", {}, facts.join(" · ")), ...describeLabel(evidence)];
    }
    const { name, title, facts, score, ablated, evidence, members } = this.nodes[node];
    const rows = this.edgesOfNode[node].filter((row) => this.edges[row].shown);
    const first = new Map(rows.map((row) => [this.ranks[row], row]));
    const strongest = [...first].sort(([a], [b]) => a - b).slice(0, 12).map(([, row]) => row);
    const lines = strongest.map((row) => make("li", {}, this.edges[row].name,
      ...(this.data.hasScores ? [make("span", { className: "number" }, rounded(this.edges[row].score))] : [])));
    return [make("h2", {}, title === name ? name : `${title} (${name})`),
      ...(members.length ? [make("p", {}, members.join(" "))] : []),
      ...(facts ? [make("p", { className: "facts" }, facts)] : []),
      make("p", {}, [this.data.hasScores ? `scores of its outgoing edges sum to ${rounded(score)}` : "", ablated ? "ablated" : ""].filter(Boolean).join(" · ")),
      ...describeLabel(evidence), ...(lines.length ? [make("h3", {}, "Strongest edges"), make("ul", { className: "edges" }, ...lines)] : [])];
  }
}

export function describeLabel(label) {
  if (!label) return [];
  const lines = label.evidence.map((one) => make("li", {}, make("b", {}, one.verdict), ` ${one.claim}`,
    ...(one.numbers ? [make("span", { className: "number" }, one.numbers)] : [])));
  return [make("p", { className: "label" }, label.text, ...(label.author ? [make("small", {}, ` by ${label.author}`)] : [])),
    ...(label.note ? [make("p", {}, label.note)] : []), ...(lines.length ? [make("ul", {}, ...lines)] : [make("p", { className: "hint" }, "no claim of this label was tested")])];
}
