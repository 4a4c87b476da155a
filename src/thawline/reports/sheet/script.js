"use strict";

// What is said of photos becomes a table of corrections. Nothing is sent anywhere.
const { paths, labels } = JSON.parse(document.getElementById("sheet").textContent);
const choices = [...document.querySelectorAll(".sheet select")];
const by = document.getElementById("by");
const shown = document.getElementById("file");
const button = document.getElementById("download");
// When each photo was said something of.
const times = new Map();

function cell(text) {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function corrections() {
  const rows = [["path", "label", "when", "by"]];
  choices.forEach((choice, at) => {
    if (choice.value !== "-") rows.push([paths[at], labels[choice.value], times.get(choice), by.value.trim()]);
  });
  return rows;
}

function show() {
  const rows = corrections();
  shown.textContent = rows.map((row) => row.map(cell).join(",")).join("\n") + "\n";
  button.disabled = rows.length === 1;
  document.getElementById("count").textContent = `${rows.length - 1} of ${choices.length} photos`;
}

for (const choice of choices) {
  choice.addEventListener("change", () => {
    times.set(choice, `${new Date().toISOString().slice(0, 19)}+00:00`);
    choice.closest("li").classList.toggle("said", choice.value !== "-");
    show();
  });
}
by.addEventListener("input", show);
// A browser that kept what was chosen before the page was loaded again has it chosen now, without a time.
choices.forEach((choice) => (choice.value = "-"));
show();
button.addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([shown.textContent], { type: "text/csv" }));
  link.download = "corrections.csv";
  link.click();
  URL.revokeObjectURL(link.href);
});
