// What needs a script: the place in a narrow navigation brought into view, the slider of positions, word of new facts, figures of the operations page
// that keep up. Everything else on the pages works without.

const here = document.querySelector(".site-nav [aria-current]");
if (here) here.closest("ul").scrollLeft = here.offsetLeft - 32;

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

const operations = document.querySelector("[data-operations]");
if (operations && "EventSource" in window) {
  const locale = document.documentElement.lang === "de" ? "de-DE" : "en-GB";
  const share = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const rebuild = operations.querySelector("[data-rebuild]");
  const source = new EventSource(operations.dataset.operations);
  source.addEventListener("message", (event) => {
    const data = JSON.parse(event.data);
    for (const place of operations.querySelectorAll("[data-field]")) {
      place.textContent = data[place.dataset.field].toLocaleString(locale);
    }
    const running = data.rebuilding;
    const { none, running: words, left } = rebuild.dataset;
    rebuild.textContent = running === null ? none
      : words.replace("%", share.format(running.done / Math.max(running.facts, 1)))
        + (running.seconds_left === null ? "" : left.replace("#", Math.round(running.seconds_left).toLocaleString(locale)));
  });
  window.addEventListener("pagehide", () => source.close());
}
