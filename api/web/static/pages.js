// What needs a script: the slider of positions, word of new facts, figures of the operations page
// that keep up. Everything else on the pages works without.

const form = document.querySelector(".cut-form");
const slider = document.querySelector("[data-cut-slider]");
if (form && slider) {
  const range = slider.querySelector("input");
  const position = form.querySelector("[name=known_at]");
  slider.hidden = false;
  range.addEventListener("input", () => { position.value = range.value; });
  range.addEventListener("change", () => form.requestSubmit());
}

const live = document.querySelector("[data-live]");
if (live && "EventSource" in window) {
  let count = 0;
  const german = document.documentElement.lang === "de";
  const source = new EventSource(live.dataset.live);
  source.addEventListener("message", () => {
    count += 1;
    live.hidden = false;
    live.textContent = german ? `${count} neue Fakten seit dem Laden. ` : `${count} new facts since loading. `;
    const again = document.createElement("a");
    again.className = "kern-link";
    again.href = location.href;
    again.textContent = german ? "Neu laden" : "Reload";
    live.append(again);
  });
  window.addEventListener("pagehide", () => source.close());
}

const refreshed = document.querySelector("[data-refresh]");
if (refreshed) {
  const locale = document.documentElement.lang === "de" ? "de-DE" : "en-GB";
  const refresh = async () => {
    const answer = await fetch(refreshed.dataset.refresh, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const data = await answer.json();
    for (const place of refreshed.querySelectorAll("[data-field]")) {
      place.textContent = data[place.dataset.field].toLocaleString(locale);
    }
  };
  setInterval(() => { if (!document.hidden) refresh().catch(() => {}); }, 2000);
}
