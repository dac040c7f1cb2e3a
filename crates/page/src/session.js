// Puts the session's key into forms, and asks before what cannot be undone.
"use strict";

const KEY = "aep2-key";

// Kept for this origin: scheme, host and port. A cookie would go to other ports of the host as well.
const entered = document.querySelector("[data-key]");
if (entered) {
  localStorage.setItem(KEY, entered.dataset.key);
  location.replace("/");
}

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !window.confirm(question)) return event.preventDefault();
  const field = event.target.elements.namedItem("key");
  if (field) field.value = localStorage.getItem(KEY) ?? "";
  if (event.target.getAttribute("action") === "/logout") localStorage.removeItem(KEY);
});
