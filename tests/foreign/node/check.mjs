// Checks inclusion with @sigstore/verify, as it checks an entry of a transparency log.
// Reads one case as JSON from standard input, prints what it accepted, ends with 1 at the first refusal.
import { createHash, createPublicKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(import.meta.url);
// The part of the package that checks one entry; its index only exports whole bundles.
const inside = dirname(require.resolve("@sigstore/verify"));
const { verifyTLogInclusion } = require(join(inside, "tlog", "index.js"));

const given = JSON.parse(readFileSync(0, "utf8"));
const [name, id, encoded] = given.Key.split("+");
const raw = Buffer.from(given.Key.slice(name.length + id.length + 2), "base64").subarray(1);
const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]);
const log = {
  baseURL: name,
  logID: Buffer.concat([Buffer.from(id, "hex"), createHash("sha256").update(spki).digest()]),
  publicKey: createPublicKey({ key: spki, format: "der", type: "spki" }),
};
try {
  for (const proof of given.Proofs) {
    const entry = {
      canonicalizedBody: Buffer.from(proof.Leaf, "base64"),
      inclusionProof: {
        logIndex: String(proof.Index),
        hashes: proof.Hashes.map((hash) => Buffer.from(hash, "base64")),
        checkpoint: { envelope: given.Checkpoint },
      },
    };
    verifyTLogInclusion(entry, [log]);
  }
  console.log(`accepted: ${name}, ${given.Proofs.length} entries`);
} catch (error) {
  console.log(`refused: ${error.message}`);
  process.exit(1);
}
