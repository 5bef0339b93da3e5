// The page of `gauntlet serve`. Whatever comes from a program is written as text, never as markup.
"use strict";

const $ = (id) => document.getElementById(id);
// The most characters of each stream that are shown: a flood of output must not stop the browser.
const SHOWN = 200_000;

let languages = [];
let running = null;

/** Characters that steer a text or hide in it are shown as what they are. */
function tame(text) {
  return text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (c) => (c === "\r" ? "" : `\\u{${c.codePointAt(0).toString(16)}}`),
  );
}

/** A stream of output: appends text, up to what is shown. */
class Stream {
  constructor(element) {
    this.element = element;
    this.clear();
  }
  clear() {
    this.element.textContent = "";
    this.length = 0;
    this.left = 0;
  }
  add(text) {
    const tamed = tame(text);
    const room = Math.max(0, SHOWN - this.length);
    const shown = tamed.slice(0, room);
    if (shown) this.element.append(document.createTextNode(shown));
    this.length += shown.length;
    this.left += tamed.length - shown.length;
  }
  end() {
    if (this.left > 0) {
      this.element.append(document.createTextNode(`\n[${this.left} more characters are not shown]`));
    } else if (this.length === 0) {
      this.element.textContent = "(nothing)";
    }
  }
}

const stdout = new Stream($("stdout"));
const stderr = new Stream($("stderr"));

function say(text) {
  $("status").textContent = text;
}

function busy(yes) {
  $("run").disabled = yes;
  $("stop").disabled = !yes;
  $("program").setAttribute("aria-busy", String(yes));
}

function problem(title, detail, more = []) {
  $("problem-title").textContent = tame(title);
  $("problem-detail").textContent = tame(detail);
  $("problem-more").replaceChildren(...more.map((line) => {
    const item = document.createElement("li");
    item.textContent = tame(line);
    return item;
  }));
  $("problem").hidden = false;
  say("");
}

function shown(number, unit) {
  if (number === null || number === undefined) return "not measured";
  if (unit === "ns") {
    return number >= 1e9 ? `${(number / 1e9).toFixed(2)} s` : `${(number / 1e6).toFixed(1)} ms`;
  }
  if (unit === "bytes") {
    for (const [name, size] of [["GiB", 2 ** 30], ["MiB", 2 ** 20], ["KiB", 2 ** 10]]) {
      if (number >= size) return `${(number / size).toFixed(1)} ${name}`;
    }
    return `${number} B`;
  }
  return number.toLocaleString("en");
}

function fact(name, value, kind = "") {
  const [term, told] = [document.createElement("dt"), document.createElement("dd")];
  const group = document.createElement("div");
  term.textContent = name;
  told.textContent = tame(String(value));
  if (kind) told.className = kind;
  group.append(term, told);
  return group;
}

function bar(line) {
  const item = document.createElement("li");
  const text = document.createElement("div");
  const [name, value] = [document.createElement("span"), document.createElement("span")];
  const limit = line.limit === null ? "no limit" : shown(line.limit, line.unit);
  name.textContent = line.resource;
  value.textContent = `${shown(line.used, line.unit)} of ${limit}`;
  text.append(name, value);
  const progress = document.createElement("progress");
  const used = line.used ?? 0;
  progress.max = 1;
  progress.value = line.limit ? Math.min(1, used / line.limit) : 0;
  progress.setAttribute("aria-label", `${line.resource}: ${value.textContent}`);
  if (line.limit && used >= line.limit) progress.className = "full";
  item.append(text, progress);
  return item;
}

function result(answer) {
  const bad = answer.error !== null || answer.exit_code !== 0;
  $("facts").replaceChildren(
    fact("Ended", answer.cause ? `${answer.ending}: ${answer.cause}` : answer.ending, bad ? "bad" : "good"),
    fact("Exit code", answer.exit_code ?? "none", bad ? "bad" : "good"),
    fact("Time", `${answer.execution_time_ms} ms`),
    ...(answer.truncated ? [fact("Output", "cut at its limit", "bad")] : []),
  );
  // Zero of a limit of zero says nothing.
  $("usage").replaceChildren(...answer.usage.filter((line) => line.limit !== 0 && line.used !== null).map(bar));
  $("denials").replaceChildren(...answer.denials.map((denial) => {
    const row = document.createElement("tr");
    for (const text of [denial.cause, denial.asked, denial.count]) {
      const cell = document.createElement("td");
      cell.textContent = tame(String(text));
      row.append(cell);
    }
    return row;
  }));
  $("denied").hidden = answer.denials.length === 0;
  if (answer.error) problem("The run did not finish", answer.error);
  say(`Done: ${answer.ending}, exit code ${answer.exit_code ?? "none"}, ${answer.execution_time_ms} ms.`);
}

function refused(body) {
  const more = Object.entries(body)
    .filter(([name]) => !["type", "title", "status", "detail"].includes(name))
    .map(([name, value]) => `${name}: ${Array.isArray(value) ? value.join(", ") : value}`);
  problem(`${body.title} (${body.status})`, body.detail, more);
}

/** Reads server-sent events off a response. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    buffer += value;
    let end;
    while ((end = buffer.indexOf("\n\n")) >= 0) {
      const lines = buffer.slice(0, end).split("\n");
      buffer = buffer.slice(end + 2);
      const name = lines.find((line) => line.startsWith("event: "))?.slice(7);
      const data = lines.find((line) => line.startsWith("data: "))?.slice(6);
      if (name && data !== undefined) yield [name, JSON.parse(data)];
    }
  }
}

function asked() {
  const body = { language: $("language").value, code: $("code").value };
  if ($("stdin").value) body.stdin = $("stdin").value;
  const policy = $("policy").value.trim();
  if (policy) body.policy = JSON.parse(policy);
  return body;
}

async function run() {
  if (running) return;
  $("problem").hidden = true;
  let body;
  try {
    body = asked();
  } catch (error) {
    problem("The policy is not JSON", error.message);
    return;
  }
  const headers = { "content-type": "application/json", accept: "text/event-stream" };
  if ($("key").value) headers.authorization = `Bearer ${$("key").value}`;
  stdout.clear();
  stderr.clear();
  $("facts").replaceChildren();
  $("usage").replaceChildren();
  $("denied").hidden = true;
  $("result").hidden = false;
  running = new AbortController();
  busy(true);
  say("Waiting for a place...");
  let over = false;
  try {
    const response = await fetch("/api/v1/execute", {
      method: "POST", headers, body: JSON.stringify(body), signal: running.signal,
    });
    if (!response.ok) {
      over = true;
      refused(await response.json());
      return;
    }
    for await (const [name, data] of events(response)) {
      if (name === "start") say("Running...");
      if (name === "stdout") stdout.add(data.text);
      if (name === "stderr") stderr.add(data.text);
      if (name === "result") {
        over = true;
        result(data);
      }
      if (name === "problem") {
        over = true;
        refused(data);
      }
    }
    if (!over) throw new Error("the connection ended before the run did");
  } catch (error) {
    if (running.signal.aborted) {
      say("Stopped. The run was ended.");
    } else {
      problem("The connection was lost", `${error.message}. The run was ended; what it wrote until then is below.`);
    }
  } finally {
    stdout.end();
    stderr.end();
    running = null;
    busy(false);
  }
}

function choose() {
  const language = languages.find((it) => it.id === $("language").value);
  const untouched = !$("code").value || languages.some((it) => it.example === $("code").value);
  if (language && untouched) $("code").value = language.example;
  $("note").textContent = language ? [language.version, language.note].filter(Boolean).join(" - ") : "";
}

async function begin() {
  try {
    const response = await fetch("/api/v1/languages");
    const body = await response.json();
    if (!response.ok) return refused(body);
    languages = body.languages;
    $("language").replaceChildren(...languages.map((language) => {
      const option = document.createElement("option");
      option.value = language.id;
      option.textContent = language.available ? language.name : `${language.name} (not ready)`;
      return option;
    }));
    const ready = languages.find((language) => language.available);
    if (ready) $("language").value = ready.id;
    choose();
  } catch (error) {
    problem("The server cannot be reached", error.message);
  }
}

$("program").addEventListener("submit", (event) => {
  event.preventDefault();
  run();
});
$("stop").addEventListener("click", () => running?.abort());
$("language").addEventListener("change", choose);
$("code").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    run();
  }
});
begin();
