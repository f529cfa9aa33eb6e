// The page of the configuration: what is edited there goes out as the calls that programs use.
"use strict";

// What each kind of form says, as the REST interface wants it.
const SAID = {
  table: (form) => [...form.querySelectorAll("tbody tr")].map(
    (row) => [...row.querySelectorAll("input")].map((cell) => cell.value.trim())),
  host: (form) => form.querySelector("input").value.trim(),
  settings: (form) => Object.fromEntries(new FormData(form)),
};

const EDITS = {
  add: (button) => {
    const form = button.closest("form");
    form.querySelector("tbody").append(form.querySelector("template").content.cloneNode(true));
    form.querySelector("tbody tr:last-child input").focus();
  },
  remove: (button) => button.closest("tr").remove(),
};

async function save(action, body) {
  if (await send(action, body)) location.reload();
}

document.addEventListener("submit", (event) => {
  const { send: action, form: kind } = event.target.dataset;
  if (!action) return;
  event.preventDefault();
  save(action, SAID[kind](event.target));
});
document.addEventListener("click", (event) => {
  const { edit, value, send: action } = event.target.dataset;
  if (edit) EDITS[edit](event.target);
  else if (value !== undefined) save(action, value);
});
