// Brings the page up to date every few seconds, and asks before what cannot be undone.
"use strict";

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

const isBusy = () => document.hidden || document.querySelector("main :focus") !== null;

async function refresh() {
  if (isBusy()) return;
  const answer = await fetch(location.href, { redirect: "error" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [now, next] = [document.querySelector("main"), page.querySelector("main")];
  if (next && !isBusy() && now.innerHTML !== next.innerHTML) now.innerHTML = next.innerHTML;
}

if (document.querySelector("body > header form")) setInterval(() => refresh().catch(() => {}), 3000);
