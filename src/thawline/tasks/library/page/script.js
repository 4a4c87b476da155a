"use strict";

// What is said of people becomes commands to copy. Nothing is sent anywhere.
const directory = JSON.parse(document.getElementById("library")?.textContent ?? "null")?.directory;

function quoted(word) {
  return /^[\w%+,./:@-]+$/u.test(word) && !word.startsWith("-") ? word : `'${word.replaceAll("'", "'\"'\"'")}'`;
}

function commands() {
  const lines = [];
  for (const sheet of document.querySelectorAll("[data-person]")) {
    const person = sheet.dataset.person;
    const faces = [...sheet.querySelectorAll("input:checked")].map((one) => quoted(one.value));
    const name = sheet.querySelector("input[type=text]");
    const other = sheet.querySelector("select").value;
    if (faces.length) lines.push(`thawline library split ${directory} ${person} ${faces.join(" ")}`);
    if (other) lines.push(`thawline library merge ${directory} ${person} ${other}`);
    const called = name.value.trim();
    if (called !== name.dataset.was) lines.push(`thawline library name ${directory} ${person} ${quoted(called)}`);
  }
  return lines.join("\n");
}

if (directory) {
  const shown = document.getElementById("commands");
  const copied = document.getElementById("copied");
  const show = () => {
    shown.textContent = commands();
    copied.textContent = "";
  };
  document.querySelector("main").addEventListener("input", show);
  show();
  document.getElementById("copy").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(shown.textContent);
      copied.textContent = "Copied.";
    } catch {
      getSelection().selectAllChildren(shown);
      copied.textContent = "Selected: copy it with Ctrl-C.";
    }
  });
}
