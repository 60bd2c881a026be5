// The bare page around proof.js: two files and a key in, a sentence in two languages out.
import { verifyProof } from "./proof.js";

const at = (id) => document.getElementById(id);

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const leaf = new Uint8Array(await at("leaf").files[0].arrayBuffer());
  const proof = await at("proof").files[0].text();
  const found = await verifyProof(leaf, proof, at("key").value);
  at("de").textContent = found.message.de;
  at("en").textContent = found.message.en;
  document.body.dataset.code = found.code;
});
