// The server renders every page; this keeps the page fresh and sends the two actions.
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

async function act(button) {
  if (!confirm(button.dataset.question)) return;
  const headers = { "Content-Type": "application/json" };
  if (secret) headers.Authorization = `Bearer ${secret}`;
  const job = button.closest("[data-job]").dataset.job;
  const reply = await fetch(`/disco/ctrl/${button.dataset.action}`, {
    method: "POST", headers, body: JSON.stringify(job),
  });
  if (reply.status === 401) {
    secret = prompt("This master wants its cluster secret:");
    if (secret) await act(button);
  } else if (!reply.ok) {
    alert(await reply.text());
  } else if (button.dataset.then) {
    location.href = button.dataset.then;
  } else {
    location.reload();
  }
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
setTimeout(refresh, pause());
