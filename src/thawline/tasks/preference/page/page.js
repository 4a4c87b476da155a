// The page of the service. An answer counts only when the server has it: until then it is kept in the browser, shown as
// waiting, and sent again.

const find = (selector) => document.querySelector(selector);
const WORDS = { dislike: "Disliked", like: "Liked", super_like: "Super-liked" };
const KEYS = { 1: "dislike", 2: "like", 3: "super_like" };
const AHEAD = 8; // items that are asked for at once
const RETRY = 3000; // ms until what the server did not get is sent again
const POLL = 1000; // ms between two looks at a training

let queue = []; // items to judge, the first is shown
let waiting = JSON.parse(localStorage.getItem("waiting") ?? "[]"); // answers that the server does not have yet
let given = []; // answers that it has, the last one is undone first
let skipped = new Set();
let pictures = new Map(); // item to the address of its picture, once that is loaded
let overview = null;
let sending = false;
let between = sessionStorage.getItem("between"); // two versions that pick in turn, "3,5"

class Refused extends Error {} // the server answered, and says no

async function ask(path, method = "GET", body = undefined) {
  const headers = {};
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (answer.status === 401) {
    sessionStorage.removeItem("token");
    find("#token-form").hidden = false;
    find("#token").focus();
    throw new Refused("The service asks for its token.");
  }
  if (answer.status >= 500) throw new Error(await reason(answer)); // it may be better in a moment
  if (!answer.ok) throw new Refused(await reason(answer));
  return answer;
}

async function reason(answer) {
  try {
    const { detail } = await answer.json();
    return typeof detail === "string" ? detail : "The request can't be used.";
  } catch {
    return `The service answers ${answer.status}.`;
  }
}

const json = async (...request) => (await ask(...request)).json();
const say = (text, where = "#status") => { find(where).textContent = text; };
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const range = (estimate) => `${percent(estimate.value)} [${(100 * estimate.low).toFixed(1)}, ${(100 * estimate.high).toFixed(1)}]`;
const one = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

// What to judge

async function refill() {
  const there = new Set([...queue.map((item) => item.id), ...waiting.map((answer) => answer.item.id), ...skipped]);
  const mixed = between ? `&between=${between}` : "";
  const { items } = await json(`preference/items?n=${AHEAD + skipped.size + waiting.length}${mixed}`);
  queue.push(...items.filter((item) => !there.has(item.id)));
  if (!queue.length && skipped.size) {
    skipped = new Set();
    queue.push(...items.filter((item) => !waiting.some((answer) => answer.item.id === item.id)));
  }
}

async function picture(item) {
  if (!pictures.has(item.id)) {
    const blob = await (await ask(`preference/items/${item.id}/picture`)).blob();
    pictures.set(item.id, URL.createObjectURL(blob));
  }
  return pictures.get(item.id);
}

async function show() {
  const item = queue[0];
  find("#judge").hidden = !item;
  find("#nothing").hidden = Boolean(item);
  if (!item) {
    find("#nothing").textContent = overview?.items
      ? "Every photo has your answer. 'thawline preference add DIR' brings more."
      : "There are no photos to judge yet. 'thawline preference add DIR' brings them.";
    return;
  }
  const image = find("#photo");
  image.removeAttribute("src");
  image.alt = `Photo ${item.name}`;
  find("#why").textContent = item.why;
  find("#name").textContent = item.name;
  try {
    const address = await picture(item);
    if (queue[0] === item) image.src = address;
  } catch (error) {
    if (queue[0] === item) say(`${error.message} Skip it.`);
  }
  for (const next of queue.slice(1, 3)) picture(next).catch(() => {}); // it is said when its turn comes
}

function drop(item) {
  const address = pictures.get(item.id);
  if (address) URL.revokeObjectURL(address);
  pictures.delete(item.id);
}

async function next() {
  queue.shift();
  if (queue.length < 3) {
    try {
      await refill();
    } catch (error) {
      say(error.message);
    }
  }
  await show();
}

function answer(word) {
  const item = queue[0];
  if (!item) return;
  waiting.push({ item, answer: word });
  keep();
  send();
  next();
}

function keep() {
  localStorage.setItem("waiting", JSON.stringify(waiting));
  find("#undo").disabled = !given.length || waiting.length > 0;
}

async function send() {
  if (sending || !waiting.length) return;
  sending = true;
  try {
    while (waiting.length) {
      const { item, answer: word } = waiting[0];
      try {
        say(noted(item, word, await json(`preference/items/${item.id}/answer`, "POST", { answer: word })));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (!find("#token-form").hidden) return; // it is sent once there is a token
        say(`Your answer on ${item.name} is not kept: ${error.message}`);
      }
      waiting.shift();
      drop(item);
    }
  } catch {
    say(`Not saved yet: ${one(waiting.length, "answer")}. They are kept here and sent again.`);
    setTimeout(send, RETRY);
    return;
  } finally {
    sending = false;
    keep();
  }
  look().catch((error) => say(error.message));
}

function noted(item, word, got) {
  given.push({ item, id: got.feedback_id });
  const score = got.score === null ? "" : ` The model had it at ${percent(got.score)}.`;
  return `${WORDS[word]} ${item.name}.${score}`;
}

async function undo() {
  if (!given.length || waiting.length) return;
  const { item, id } = given.pop();
  try {
    await ask(`preference/feedback/${id}`, "DELETE");
    queue.unshift(item);
    say(`Your answer on ${item.name} is undone.`);
    await show();
    await look();
  } catch (error) {
    if (!(error instanceof Refused)) given.push({ item, id });
    say(error.message);
  }
  keep();
}

function skip() {
  if (!queue.length) return;
  skipped.add(queue[0].id);
  drop(queue[0]);
  next();
}

// Trainings

async function train() {
  find("#train").disabled = true;
  try {
    const job = await json("models/train", "POST");
    await follow(job.id);
  } catch (error) {
    say(error.message, "#training");
    await look();
  }
}

async function follow(id) {
  find("#progress").hidden = false;
  find("#train").disabled = true;
  let job = { status: "pending" };
  while (job.status === "pending" || job.status === "running") {
    try {
      job = await json(`jobs/${id}`);
      say(told(job), "#training");
    } catch (error) {
      if (error instanceof Refused) break;
    }
    await new Promise((done) => setTimeout(done, POLL));
  }
  find("#progress").hidden = true;
  queue = queue.slice(0, 1); // the new version may ask about others
  await look();
}

function told(job) {
  if (job.status === "failed") return `Training ${job.id} failed: ${job.reason}`;
  const figures = [
    job.epoch === null ? "" : `epoch ${job.epoch}`,
    job.loss === null ? "" : `loss ${job.loss.toFixed(3)}`,
    job.accuracy === null ? "" : `accuracy ${percent(job.accuracy)}`,
  ].filter(Boolean).join(", ");
  const made = job.version ? ` It made v${job.version}.` : "";
  return `Training ${job.id} is ${job.status}${figures ? `: ${figures}` : ""}.${made}${job.reason ? ` ${job.reason}` : ""}`;
}

// Versions

function cell(row, label, text) {
  const made = row.appendChild(document.createElement("td"));
  made.dataset.label = label;
  made.textContent = text;
  return made;
}

function row(version) {
  const made = document.createElement("tr");
  if (version.is_active) made.className = "active";
  const head = made.appendChild(document.createElement("th"));
  head.scope = "row";
  const state = version.is_active ? ", active" : version.pruned ? ", pruned" : version.stale ? ", knows of deleted answers" : "";
  head.textContent = `v${version.number} ${version.type}${state}`;
  cell(made, "Made", new Date(version.created_at).toLocaleString());
  cell(made, "Answers", String(version.samples));
  cell(made, "Held out", version.headline ? `${version.headline.name} ${range(version.headline)}` : "not judged");
  cell(made, "Asked", String(version.predictions));
  const rates = cell(made, "Rates", version.rates.length ? "" : "no answers yet");
  for (const rate of version.rates) {
    rates.appendChild(document.createElement("div")).textContent = `${rate.name} ${range(rate)}`;
  }
  const act = made.appendChild(document.createElement("td"));
  if (!version.is_active && !version.pruned) act.append(activator(version.number, false));
  return made;
}

function activator(number, force) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = force ? `Activate v${number} anyway` : "Activate";
  button.setAttribute("aria-label", force ? button.textContent : `Activate v${number}`);
  button.addEventListener("click", () => change(`models/versions/${number}/activate`, { force }, number));
  return button;
}

async function change(path, body, number) {
  try {
    const done = await json(path, "POST", body);
    say(`v${done.version.number} is active.${done.gate ? ` ${done.gate}` : ""}`, "#changed");
    queue = queue.slice(0, 1);
  } catch (error) {
    say(error.message, "#changed");
    if (number && !body.force && error instanceof Refused) find("#changed").append(" ", activator(number, true));
  }
  await look();
}

// Two versions that pick in turn

function choose(versions) {
  const there = versions.filter((version) => !version.pruned).map((version) => version.number);
  find("#between-form").hidden = find("#between-note").hidden = there.length < 2;
  const chosen = between ? between.split(",").map(Number) : [there[1], there[0]];
  ["#first", "#second"].forEach((select, place) => {
    if (find(select).childElementCount === there.length) return;
    find(select).replaceChildren(...there.map((number) => new Option(`v${number}`, number, false, number === chosen[place])));
  });
  find("#between-stop").hidden = !between;
}

function compared(found) {
  const lines = (found?.sides ?? []).map(({ version, rates }) =>
    `v${version}: ${rates.map((rate) => `${rate.name} ${range(rate)}`).join(", ") || "no answers yet"}`);
  const shown = found ? [...lines, found.sentence] : [];
  if (shown.join() === find("#compared").dataset.shown) return; // or a screen reader reads it again
  find("#compared").dataset.shown = shown.join();
  find("#compared").replaceChildren(...shown.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
}

async function mix(versions) {
  between = versions;
  if (between) sessionStorage.setItem("between", between);
  else sessionStorage.removeItem("between");
  try {
    queue = [];
    await refill();
    await show();
    await look();
  } catch (error) {
    say(error.message, "#changed");
    if (between) await mix(null);
  }
}

async function look() {
  overview = await json(`preference/overview${between ? `?between=${between}` : ""}`);
  find("#token-form").hidden = true;
  const { answers, fresh, versions, model } = overview;
  say(model, "#model");
  const counts = Object.entries(answers).map(([word, count]) => `${count} ${WORDS[word].toLowerCase()}`);
  say(`${counts.join(", ")}; ${overview.items - Object.values(answers).reduce((a, b) => a + b, 0)} left`, "#counts");
  find("#train").textContent = `Train (${one(fresh, "new answer")})`;
  find("#train").disabled = Boolean(overview.job) || !Object.values(answers).some(Boolean);
  find("#versions tbody").replaceChildren(...versions.map(row));
  find("#versions").hidden = !versions.length;
  choose(versions);
  compared(overview.compared);
  find("#rollback").disabled = !overview.can_roll_back;
  if (overview.plot && !find("#plot").src) {
    find("#plot").src = URL.createObjectURL(await (await ask("preference/simulation")).blob());
    say(overview.verdict ?? "", "#verdict");
    find("#simulation").hidden = false;
  }
}

async function start() {
  try {
    await look();
    await refill();
    await show();
    send();
    if (overview.job) await follow(overview.job);
  } catch (error) {
    if (between && error instanceof Refused && find("#token-form").hidden) return mix(null).then(start); // a version went
    say(error.message);
  }
}

find(".answers").addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) answer(button.dataset.answer);
});
find("#undo").addEventListener("click", undo);
find("#skip").addEventListener("click", skip);
find("#train").addEventListener("click", train);
find("#rollback").addEventListener("click", () => change("models/rollback", undefined, null));
find("#between-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const [first, second] = [find("#first").value, find("#second").value];
  if (first === second) say("Choose two different versions to compare.", "#changed");
  else mix(`${first},${second}`);
});
find("#between-stop").addEventListener("click", () => mix(null));
find("#token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", find("#token").value);
  find("#token-form").hidden = true;
  start();
});
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.target.closest("input, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  const word = KEYS[event.key];
  if (word) answer(word);
  else if (event.key.toLowerCase() === "u") undo();
  else if (event.key.toLowerCase() === "s") skip();
  else return;
  event.preventDefault();
});
start();
