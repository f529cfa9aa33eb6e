// The server renders every page; this keeps the page fresh and sends what its buttons do.
"use strict";

const LIVE_MS = 2000;
const IDLE_MS = 10000;
let secret = null; // the cluster secret, once asked for; kept in this page only

async function refresh() {
  const stale = document.getElementById("stale");
  try {
    const reply = await fetch(location.href);
    if (!reply.ok) throw new Error(`status ${reply.status}`);
    const fresh = new DOMParser().parseFromString(await reply.text(), "text/html").querySelector("main");
    const open = document.querySelector("main details")?.open;
    // Whoever is typing into a filter keeps the page as it is.
    if (!document.querySelector("main input:focus")) {
      document.querySelector("main").replaceWith(fresh);
      if (open) document.querySelector("main details").open = true;
    }
    stale.hidden = true;
  } catch (error) {
    stale.hidden = false;
  }
  setTimeout(refresh, pause());
}

function pause() {
  const live = document.querySelector("[data-live], .core.busy, .jobs .active");
  return live ? LIVE_MS : IDLE_MS;
}

// A POST of the REST interface; asks for the cluster secret when that is wanted. Gives whether it was done.
async function send(action, body) {
  const headers = { "Content-Type": "application/json" };
  if (secret) headers.Authorization = `Bearer ${secret}`;
  const reply = await fetch(`/disco/ctrl/${action}`, { method: "POST", headers, body: JSON.stringify(body) });
  if (reply.status === 401) {
    secret = prompt("This master wants its cluster secret:");
    return secret ? send(action, body) : false;
  }
  if (!reply.ok) alert(await reply.text());
  return reply.ok;
}

async function act(button) {
  if (!confirm(button.dataset.question)) return;
  if (!(await send(button.dataset.action, button.closest("[data-job]").dataset.job))) return;
  if (button.dataset.then) location.href = button.dataset.then;
  else location.reload();
}

function mark(job, on) {
  for (const core of document.querySelectorAll(".core.busy")) {
    core.classList.toggle("marked", on && core.dataset.job === job);
  }
}

document.addEventListener("click", (event) => {
  if (event.target.dataset.action) act(event.target);
});
document.addEventListener("mouseover", (event) => {
  const row = event.target.closest(".jobs [data-job]");
  mark(row?.dataset.job, Boolean(row));
});
if (!document.querySelector("[data-still]")) setTimeout(refresh, pause()); // a page that is being edited stays
