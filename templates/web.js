// Renews what the page shows, from the stream of events. Without it the page is whole, but does not move.
"use strict";

const MARKS = { ok: "✅", caution: "⚠️", breach: "❌", unknown: "❔", not_applicable: "➖" };
const live = document.getElementById("live");
const news = document.getElementById("news");

function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

function showAges() {
  const now = Date.now() / 1000;
  for (const each of document.querySelectorAll("time[data-at]")) each.textContent = `${span(now - each.dataset.at)} ago`;
  for (const each of document.querySelectorAll("[data-eta]")) {
    each.textContent = each.dataset.eta ? `${span(each.dataset.eta - now)} left` : "";
  }
}

// Words from a log are set as text only, never as markup.
function put(entry, name, text) {
  const place = entry.querySelector(`[data-is="${name}"]`);
  if (place && place.textContent !== text) place.textContent = text;
}

function show(row) {
  const entry = document.getElementById(`run-${row.id}`);
  if (!entry) {
    const more = document.getElementById("more");
    if (more && !isFiltered()) more.hidden = false;
    return;
  }
  if (!entry.classList.contains(row.mark)) entry.className = `run ${row.mark} new`;
  const mark = entry.querySelector(".mark");
  const word = row.mark.replaceAll("_", " ");
  mark.className = `mark ${word.replaceAll(" ", "-")}`;
  mark.textContent = MARKS[row.mark];
  mark.title = word;
  mark.setAttribute("aria-label", word);
  put(entry, "name", row.name);
  put(entry, "host", row.host ? `on ${row.host}` : "");
  put(entry, "state", row.state);
  put(entry, "place", row.place);
  put(entry, "figures", row.figures);
  const problems = entry.querySelector('[data-is="problems"]');
  problems.replaceChildren(...row.problems.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
  const bar = entry.querySelector("progress");
  bar.hidden = row.progress === null;
  if (row.progress !== null) bar.value = row.progress;
  entry.querySelector("[data-eta]").dataset.eta = row.eta_at === null ? "" : Math.round(row.eta_at);
  const curve = entry.querySelector("svg");
  curve.toggleAttribute("hidden", !row.spark);
  curve.firstElementChild.setAttribute("points", row.spark);
  const time = entry.querySelector("time");
  if (time && row.seen_at !== null) time.dataset.at = Math.round(row.seen_at);
}

function isFiltered() {
  return new URLSearchParams(location.search).get("q") || (new URLSearchParams(location.search).get("show") || "all") !== "all";
}

// The parts of a run's page that change; one in which someone writes is left alone.
let renewing = false;
let isDue = false;
async function renew() {
  if (renewing) { isDue = true; return; }
  renewing = true;
  try {
    const answer = await fetch(location.pathname + location.search, { headers: { Accept: "text/html" } });
    if (answer.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const name of ["top", "now", "curves"]) {
        const old = document.getElementById(name);
        const made = fresh.getElementById(name);
        if (old && made && !old.contains(document.activeElement)) old.replaceWith(document.adoptNode(made));
      }
      document.title = fresh.title;
    }
  } finally {
    renewing = false;
    if (isDue) { isDue = false; setTimeout(renew, 2000); }
  }
}

function listen() {
  const run = document.body.dataset.run;
  const source = new EventSource(`/api/events?after=${encodeURIComponent(document.body.dataset.after)}`);
  source.onopen = () => { live.textContent = "live"; };
  source.onerror = () => { live.textContent = "not live: the server does not answer; trying again"; };
  source.addEventListener("runs", (event) => {
    const rows = JSON.parse(event.data).rows;
    if (run) { if (rows.some((row) => row.id === run)) renew(); return; }
    rows.forEach(show);
    showAges();
  });
  source.addEventListener("alert", (event) => {
    const { id, alert } = JSON.parse(event.data);
    if (run && id !== run) return;
    const entry = document.querySelector(`#run-${id} a`);
    news.textContent = `${alert.severity}: ${alert.alert} ${alert.state}${entry ? ` in ${entry.textContent}` : ""}`;
  });
  source.addEventListener("gone", (event) => {
    const entry = document.getElementById(`run-${JSON.parse(event.data).id}`);
    if (entry) entry.remove();
  });
  source.addEventListener("reload", () => { source.close(); setTimeout(() => location.reload(), 1000); });
}

function find() {
  const field = document.querySelector('input[name="q"]');
  if (!field) return;
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().trim();
    for (const each of document.querySelectorAll(".run")) each.hidden = !each.dataset.words.includes(words);
  });
}

if (document.body.dataset.after) {
  listen();
  setInterval(showAges, 1000);
  if (!document.body.dataset.run) find();
}
