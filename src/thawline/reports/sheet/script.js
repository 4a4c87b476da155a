"use strict";

// What is said of photos becomes a table of corrections. Nothing is sent anywhere.
const { paths, labels } = JSON.parse(document.getElementById("sheet").textContent);
const photos = [...document.querySelectorAll(".sheet li")];
const by = document.getElementById("by");
const shown = document.getElementById("file");
const button = document.getElementById("download");
// When each photo was said something of.
const times = new Map();

function cell(text) {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// The label that a photo was said to have, or all of them; null where nothing was said.
function said(photo) {
  const choice = photo.querySelector("select");
  if (choice) return choice.value === "-" ? null : labels[choice.value];
  if (!photo.querySelector(".looked").checked) return null;
  const ticked = [...photo.querySelectorAll("input[value]:checked")].map((box) => Number(box.value));
  return ticked.sort((one, other) => one - other).map((at) => labels[at]).join("|");
}

function corrections() {
  const rows = [["path", "label", "when", "by"]];
  photos.forEach((photo, at) => {
    const label = said(photo);
    if (label !== null) rows.push([paths[at], label, times.get(photo), by.value.trim()]);
  });
  return rows;
}

function show() {
  const rows = corrections();
  shown.textContent = rows.map((row) => row.map(cell).join(",")).join("\n") + "\n";
  button.disabled = rows.length === 1;
  document.getElementById("count").textContent = `${rows.length - 1} of ${photos.length} photos`;
}

for (const photo of photos) {
  photo.addEventListener("change", (event) => {
    const looked = photo.querySelector(".looked");
    if (looked && event.target !== looked) looked.checked = true;
    times.set(photo, `${new Date().toISOString().slice(0, 19)}+00:00`);
    photo.classList.toggle("said", said(photo) !== null);
    show();
  });
}
by.addEventListener("input", show);
// A browser that kept what was chosen before the page was loaded again has it chosen now, without a time.
for (const photo of photos) {
  const choice = photo.querySelector("select");
  if (choice) choice.value = "-";
  for (const box of photo.querySelectorAll("input")) box.checked = box.defaultChecked;
}
show();
button.addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([shown.textContent], { type: "text/csv" }));
  link.download = "corrections.csv";
  link.click();
  URL.revokeObjectURL(link.href);
});
