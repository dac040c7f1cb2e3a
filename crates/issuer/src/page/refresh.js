
// Brings the page up to date.

const isBusy = () => document.hidden || document.querySelector("main :focus") !== null;

// What is to be decided is never put under a finger that is about to press: it is announced instead.
function announce(text) {
  const notice = document.querySelector("#notice");
  if (notice && notice.textContent !== text) notice.textContent = text;
}

async function refresh() {
  if (isBusy()) return;
  const answer = await fetch(location.href, { redirect: "error" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const asked = (from) => [...from.querySelectorAll("[data-approval]")].map((one) => one.dataset.approval);
  if (asked(page).join() !== asked(document).join()) {
    return announce("The requests for you to decide have changed. Reload the page to see them.");
  }
  for (const section of page.querySelectorAll("main > section:not([data-still])")) {
    const label = section.getAttribute("aria-labelledby");
    const now = document.querySelector(`main > section[aria-labelledby="${label}"]`);
    if (now && !isBusy() && now.innerHTML !== section.innerHTML) now.innerHTML = section.innerHTML;
  }
}

if (document.querySelector("body > header form")) setInterval(() => refresh().catch(() => {}), 3000);
