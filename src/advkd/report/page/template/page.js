"use strict";

const dialog = document.getElementById("details");
const title = document.getElementById("details-title");
const body = document.getElementById("details-body");
const back = document.getElementById("back");
const form = document.getElementById("filter");
const trail = []; // the ids that the dialog has shown, the present one last
let opener = null;

// The template of a cell follows its button. The template of a run group has an id of its own.
function templateOf(id) {
  const element = document.getElementById(id);
  if (!element) return null;
  if (element.tagName === "TEMPLATE") return element;
  return element.matches("button.cell") ? element.nextElementSibling : null;
}

function samplesOf(id) {
  const figures = [...document.querySelectorAll("#samples [data-of]")].filter((figure) => figure.dataset.of === id);
  return figures.map((figure) => {
    const copy = figure.cloneNode(true);
    copy.hidden = false;
    return copy;
  });
}

function runParts(id) {
  const template = document.getElementById(id);
  return template ? [template.content.cloneNode(true), ...samplesOf(id)] : [];
}

// An address may name a run group by its tag.
function resolveTag(address) {
  return document.querySelector(`template[data-tag="${CSS.escape(address.toUpperCase())}"]`)?.id ?? address;
}

function show(id) {
  const template = templateOf(id);
  if (!template) return false;
  title.textContent = template.dataset.title;
  body.replaceChildren();
  if ("run" in template.dataset) {
    body.append(...runParts(id));
  } else {
    body.append(template.content.cloneNode(true));
    const groups = (template.dataset.groups ?? "").split(" ").filter(Boolean);
    for (const name of groups) body.append(...runParts(`run/${name}`));
  }
  back.hidden = trail.length < 2;
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  title.focus();
  history.replaceState(null, "", `#${id}`);
  return true;
}

function open(id, from) {
  if (!templateOf(id)) return;
  if (!dialog.open) {
    trail.length = 0;
    opener = from;
  }
  trail.push(id);
  show(id);
}

// An address that was typed by hand may hold a "%" that encodes nothing.
function decoded(address) {
  try {
    return decodeURIComponent(address);
  } catch {
    return address;
  }
}

// What an address names may be folded.
function unfold(element) {
  for (let one = element; one; one = one.parentElement) if (one.tagName === "DETAILS") one.open = true;
}

function openFromAddress() {
  const id = resolveTag(decoded(location.hash.slice(1)));
  const from = document.querySelector(`[data-open="${CSS.escape(id)}"]`);
  if (templateOf(id)) {
    open(id, from);
    return;
  }
  const target = document.getElementById(id);
  unfold(target);
  target?.scrollIntoView();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-open]");
  if (button) open(button.dataset.open, button);
  else if (event.target === dialog) dialog.close(); // the backdrop
  else if (event.target.closest("#details a")) {
    opener = null; // the focus follows the link
    dialog.close();
  }
  const link = event.target.closest("a[href^='#']");
  if (link) unfold(document.getElementById(decoded(link.hash.slice(1))));
});
document.getElementById("close").addEventListener("click", () => dialog.close());
back.addEventListener("click", () => {
  trail.pop();
  show(trail[trail.length - 1]);
});
dialog.addEventListener("close", () => {
  body.replaceChildren();
  history.replaceState(null, "", location.pathname + location.search);
  if (opener) opener.focus();
});
window.addEventListener("hashchange", openFromAddress);

// The arrow keys move between the cells of a table, and Tab leaves it: only one of its cells at a time can be tabbed to.
const grids = [...document.querySelectorAll("table.numbers")];
const cellsOf = (part) => [...part.querySelectorAll("button.cell")].filter((cell) => !cell.closest("[hidden]"));

function enter(table, wanted) {
  for (const cell of table.querySelectorAll("button.cell")) cell.tabIndex = cell === wanted ? 0 : -1;
}

function neighbour(cell, key) {
  const rows = [...cell.closest("table").querySelectorAll("[data-row]:not([hidden])")].filter((row) => cellsOf(row).length);
  const row = cell.closest("tr");
  const column = cell.closest("td").cellIndex;
  const inRow = cellsOf(row);
  const place = inRow.indexOf(cell);
  const beside = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: inRow.length - 1 };
  if (key in beside) return inRow[beside[key]];
  const other = rows[rows.indexOf(row) + (key === "ArrowDown" ? 1 : -1)];
  if (!other) return undefined;
  return other.cells[column].querySelector("button.cell") ?? cellsOf(other)[0];
}

for (const table of grids) {
  enter(table, cellsOf(table)[0]);
  table.addEventListener("focusin", (event) => event.target.matches("button.cell") && enter(table, event.target));
  table.addEventListener("keydown", (event) => {
    if (!/^(Arrow(Left|Right|Up|Down)|Home|End)$/.test(event.key) || !event.target.matches("button.cell")) return;
    event.preventDefault();
    neighbour(event.target, event.key)?.focus();
  });
}

// A [data-row] is shown or hidden by its text, the tags of its runs, and its own state or those of its cells.
const rows = [...document.querySelectorAll("[data-row]")].map((row) => ({
  row,
  text: `${row.dataset.text ?? ""} ${row.textContent}`.toLowerCase(),
  tags: (row.dataset.tags ?? "").toLowerCase().split(" "),
  cells: [...row.querySelectorAll("[data-state]")],
}));
const folds = [...document.querySelectorAll("main details.fold, main details.more")].map((fold) => ({ fold, open: fold.open }));
const isTag = (word) => /^r\d+$/.test(word); // R1 must not match R10
const statesOf = (element) => (element.dataset.state ?? "").split("|");
const matches = (element) => element.querySelectorAll("[data-row]:not([hidden])").length;

function filter() {
  const typed = form.elements.text.value.trim();
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const status = form.elements.status.value;
  const active = Boolean(words.length || status);
  let shown = 0;
  for (const { row, text, tags, cells } of rows) {
    const matching = cells.filter((cell) => statesOf(cell).includes(status));
    const fits = !status || statesOf(row).includes(status) || matching.length > 0;
    row.hidden = !(fits && words.every((word) => (isTag(word) ? tags : text).includes(word)));
    shown += !row.hidden;
    for (const cell of cells) cell.classList.toggle("match", Boolean(status) && matching.includes(cell));
  }
  for (const block of document.querySelectorAll("table.numbers tbody, table.matrix tbody")) {
    block.hidden = active && !matches(block);
  }
  for (const { fold, open } of folds) {
    fold.hidden = active && !matches(fold);
    fold.open = active ? matches(fold) > 0 : open;
  }
  // What does not match goes away, so that what does stands before the reader's eyes.
  for (const section of document.querySelectorAll("main > section")) {
    const found = matches(section);
    section.hidden = active && !found;
    const hits = document.querySelector(`.hits[data-of="${section.id}"]`);
    if (hits) hits.textContent = active ? String(found) : "";
  }
  document.body.classList.toggle("filtering", active);
  for (const table of grids) {
    const free = cellsOf(table);
    if (!free.some((cell) => cell.tabIndex === 0)) enter(table, free[0]);
  }
  form.elements.shown.value = active ? `${shown} of ${rows.length} entries shown` : "";
  const asked = new URLSearchParams(Object.entries({ text: typed, status }).filter(([, value]) => value)).toString();
  history.replaceState(null, "", `${location.pathname}${asked && `?${asked}`}${location.hash}`);
}

function filterFromAddress() {
  const asked = new URLSearchParams(location.search);
  form.elements.text.value = asked.get("text") ?? "";
  form.elements.status.value = asked.get("status") ?? "";
  if (!form.elements.status.value) form.elements.status.selectedIndex = 0; // no such status
  if (asked.size) filter();
}

form.addEventListener("input", filter);
form.addEventListener("change", filter);
form.addEventListener("reset", () => setTimeout(filter));
form.addEventListener("submit", (event) => event.preventDefault());

// The side bar marks the section that stands at the top of the window.
const sections = [...document.querySelectorAll("main > section")];
const inView = new Set();
const watcher = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) inView[isIntersecting ? "add" : "delete"](target);
  const present = sections.find((section) => inView.has(section));
  for (const link of document.querySelectorAll("nav a")) {
    if (present && link.hash === `#${present.id}`) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}, { rootMargin: "-10% 0px -70% 0px" });
for (const section of sections) watcher.observe(section);

// On a phone a figure is cut into its parts, which stand below each other.
const isNarrow = window.matchMedia("(max-width: 48rem)");
const SVG = document.querySelector(".share").namespaceURI;

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function cut(image) {
  const [width, height] = ["width", "height"].map((side) => Number(image.getAttribute(side))); // not as it is shown
  const parts = JSON.parse(image.dataset.parts);
  return parts.map(([left, top, wide, high], place) => {
    const svg = element("svg", {
      viewBox: [left * width, top * height, wide * width, high * height].join(" "), width: 1.4 * wide * width,
      role: "img", "aria-label": `${image.alt}; part ${place + 1} of ${parts.length}`,
    });
    svg.append(element("image", { href: image.src, width, height }));
    return svg;
  });
}

function cutFigures() {
  if (!isNarrow.matches) return;
  for (const figure of document.querySelectorAll(".drawn:not(.cut)")) {
    const image = figure.querySelector("img");
    figure.querySelector(".cuts").append(...cut(image));
    figure.classList.toggle("cut", image.dataset.parts !== "[]");
  }
}

isNarrow.addEventListener("change", cutFigures);
cutFigures();

// Paper has no folds: all tables are printed.
let folded = [];
window.addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("#tables details.fold:not([open])")];
  for (const fold of folded) fold.open = true;
});
window.addEventListener("afterprint", () => {
  for (const fold of folded) fold.open = false;
});

filterFromAddress();
openFromAddress();
