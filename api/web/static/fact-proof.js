// The proof on a fact's page: fetches bytes, proof and key, has proof.js check them, marks each step.
// All words are the template's; here is only what came out.
import { verifyProof } from "./proof.js";

// The first step that does not hold, by what verifyProof says is wrong. Steps before it held.
const STEPS = ["key", "checkpoint", "leaf", "path"];
const WRONG = {
  key: "key", private_key: "key",
  proof: "checkpoint", checkpoint: "checkpoint", unsigned: "checkpoint", signature: "checkpoint", origin: "checkpoint",
  index: "path", length: "path", root: "path",
};

const section = document.querySelector("[data-proof]");
const german = document.documentElement.lang === "de";
const field = section.querySelector("[name=key]");
const verdict = section.querySelector("[data-verdict]");

async function asked(address, accept) {
  const answer = await fetch(address, { headers: { Accept: accept }, cache: "no-store" });
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer;
}

function say(state, words) {
  verdict.dataset.state = state;
  verdict.textContent = words;
}

function mark(found, bytes) {
  const wrong = found.ok ? STEPS.length : STEPS.indexOf(WRONG[found.code]);
  for (const step of section.querySelectorAll("[data-step]")) {
    const at = STEPS.indexOf(step.dataset.step);
    const state = at < wrong ? "right" : at === wrong ? "wrong" : "open";
    step.dataset.state = state;
    step.querySelector("[data-mark]").textContent = section.dataset[state];
  }
  const shown = { ...found, bytes };
  for (const place of section.querySelectorAll("[data-found]")) {
    place.textContent = shown[place.dataset.found] ?? "–";
  }
  section.querySelector("[data-steps]").hidden = false;
}

async function check() {
  const { leaf, file } = section.dataset;
  const bytes = new Uint8Array(await (await asked(leaf, "application/octet-stream")).arrayBuffer());
  const proof = await (await asked(file, "text/plain")).text();
  const found = await verifyProof(bytes, proof, field.value);
  mark(found, bytes.length);
  say(found.ok ? "right" : "wrong", `${found.ok ? section.dataset.right : section.dataset.wrong}: ${german ? found.message.de : found.message.en}`);
}

section.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  check().catch((error) => say("wrong", `${section.dataset.missing} ${error.message}`));
});
section.querySelector("[data-needs-script]").hidden = false;
asked(section.dataset.keys, "text/plain")
  .then((answer) => answer.text())
  .then((text) => { field.value ||= text.split("\n")[0]; })
  .catch(() => {}); // without the server's key the reader's own still does
