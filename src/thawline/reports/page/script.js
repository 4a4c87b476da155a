"use strict";

// Sorting: a button in each heading. Cells say what they are sorted by in data-value; what says nothing goes last.
function sortable(table) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    if (heading.dataset.sort === undefined) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const before = heading.getAttribute("aria-sort");
      const order = before === "none" ? heading.dataset.sort : before === "ascending" ? "descending" : "ascending";
      headings.forEach((other) => other.hasAttribute("aria-sort") && other.setAttribute("aria-sort", "none"));
      heading.setAttribute("aria-sort", order);
      sort(table.tBodies[0], column, order === "ascending" ? 1 : -1);
    });
  });
}

function sort(body, column, sign) {
  const keys = new Map([...body.rows].map((row) => [row, row.cells[column].dataset.value ?? ""]));
  const numeric = [...keys.values()].every((key) => key === "" || Number.isFinite(Number(key)));
  const compare = numeric ? (a, b) => Number(a) - Number(b) : (a, b) => a.localeCompare(b, undefined, { numeric: true });
  const rows = [...body.rows].sort((one, other) => {
    const [a, b] = [keys.get(one), keys.get(other)];
    if (a === "" || b === "") return (a === "") - (b === "");
    return sign * compare(a, b);
  });
  body.append(...rows);
}

// What differs between two configs.
function differ() {
  const block = document.getElementById("configs");
  if (!block) return;
  const { names, configs } = JSON.parse(block.textContent);
  const [left, right] = [document.getElementById("left"), document.getElementById("right")];
  const box = document.getElementById("difference");
  const table = box.querySelector("table");
  const said = document.getElementById("differing");
  const show = () => {
    const [a, b] = [configs[left.value], configs[right.value]];
    const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => a[key] !== b[key]);
    const count = keys.length === 1 ? "1 setting differs." : `${keys.length} settings differ.`;
    said.textContent = left.value === right.value ? "This is the same config twice." : keys.length ? count : "No setting differs.";
    box.hidden = keys.length === 0;
    table.tHead.rows[0].cells[1].textContent = names[left.value];
    table.tHead.rows[0].cells[2].textContent = names[right.value];
    table.tBodies[0].replaceChildren(...keys.map((key) => line(key, a[key], b[key])));
  };
  left.addEventListener("change", show);
  right.addEventListener("change", show);
  show();
}

function line(key, a, b) {
  const row = document.createElement("tr");
  const heading = document.createElement("th");
  heading.scope = "row";
  heading.textContent = key;
  row.append(heading);
  for (const value of [a, b]) {
    const cell = document.createElement("td");
    cell.className = "value";
    cell.dir = "auto";
    cell.textContent = value ?? "not in this config";
    if (value === undefined) cell.classList.add("note");
    row.append(cell);
  }
  return row;
}

// Any two of a board: what the paired test says of each two stands in the page.
function pair(box) {
  const said = JSON.parse(box.querySelector("script").textContent);
  const [left, right] = box.querySelectorAll("select");
  const sentence = box.querySelector("[aria-live]");
  const show = () => {
    const [first, second] = [Number(left.value), Number(right.value)].sort((a, b) => a - b);
    sentence.textContent = first === second ? "This is the same twice." : said[first][second - first - 1];
  };
  left.addEventListener("change", show);
  right.addEventListener("change", show);
  show();
}

// A link to a run opens what it leads to. In a notebook's frame such a link would load the notebook itself.
function reveal(hash) {
  const target = document.getElementById(hash.slice(1));
  if (!target) return;
  if (target instanceof HTMLDetailsElement) target.open = true;
  target.scrollIntoView();
}

function follow(event) {
  const link = event.target.closest("a[href^='#']");
  if (!link) return;
  if (location.protocol === "about:") event.preventDefault();
  reveal(link.getAttribute("href"));
}

document.querySelectorAll("table.sortable").forEach(sortable);
differ();
document.querySelectorAll(".pair").forEach(pair);
document.addEventListener("click", follow);
reveal(location.hash);
