// What needs a script: the place in a narrow navigation brought into view, the slider of positions, word of new facts, figures of the operations page
// that keep up. Everything else on the pages works without.

const locale = document.documentElement.lang === "de" ? "de-DE" : "en-GB";

const here = document.querySelector(".site-nav [aria-current]");
if (here) here.closest("ul").scrollLeft = here.offsetLeft - 32;

// Choosing a position fills the field and no more: what it means is applied by the button. When it was recorded is
// known of the marks; between two of them it was between their times.
const slider = document.querySelector("[data-cut-slider]");
if (slider) {
  const range = slider.querySelector("input");
  const output = slider.querySelector("span.note");
  const position = slider.closest("form").querySelector("[name=known_at]");
  const marks = [...slider.querySelectorAll("option")].map((one) => [Number(one.value), one.label]);
  const say = () => {
    const chosen = Number(range.value);
    const before = marks.findLast(([at]) => at <= chosen)[1];
    const behind = (marks.find(([at]) => at >= chosen) ?? marks.at(-1))[1];
    const when = before === behind ? before : slider.dataset.between.replace("{}", before).replace("{}", behind);
    const said = `${chosen.toLocaleString(locale)}, ${when}`;
    range.setAttribute("aria-valuetext", said);
    output.textContent = said;
  };
  slider.hidden = false;
  say();
  range.addEventListener("input", () => {
    position.value = range.value;
    say();
  });
}

// A page that is being counted: how far it is, once a second, then the page itself.
const underway = document.querySelector("[data-underway]");
if (underway) {
  const back = underway.dataset.underway;
  const look = async () => {
    const answer = await fetch(back).catch(() => null);
    if (answer === null || answer.status === 202) {
      const page = new DOMParser().parseFromString((await answer?.text()) ?? "", "text/html");
      const howFar = page.querySelector("[data-how-far]");
      if (howFar) underway.querySelector("[data-how-far]").replaceWith(howFar);
      setTimeout(look, 1_000);
    } else {
      location.replace(back);
    }
  };
  setTimeout(look, 500);
}

// How many facts came since the page was made, said at most once a second.
const live = document.querySelector("[data-live]");
if (live && "EventSource" in window) {
  let count = 0;
  let waiting = 0;
  const source = new EventSource(live.dataset.live);
  source.addEventListener("message", () => {
    count += 1;
    waiting ||= setTimeout(() => {
      waiting = 0;
      live.textContent = `${live.dataset.new} ${count.toLocaleString(locale)}`;
      live.nextElementSibling.hidden = false;
    }, 1_000);
  });
  window.addEventListener("pagehide", () => source.close());
}

const operations = document.querySelector("[data-operations]");
if (operations && "EventSource" in window) {
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
