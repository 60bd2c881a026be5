// Checks that a fact is in the log, from its raw bytes, a .tlog-proof and the log's verifier key.
// Nothing is asked of a server: copy this file and read it. It imports nothing.
//
//   import { verifyProof } from "./proof.js";
//   const found = await verifyProof(leafBytes, proofText, verifierKey);
//   found.ok, found.code, found.message.de, found.message.en
//   found.leaf, found.hashes, found.size, found.key: what was hashed and led where, where it is valid
//
// Formats: RFC 9162 (tree), C2SP tlog-proof, tlog-checkpoint, signed-note (Ed25519, type 0x01).
// WebCrypto is used where there is one; without a secure context the code below hashes and verifies.

const MESSAGES = {
  valid: ["Die Tatsache steht im Protokoll: Position {position} von {size}.", "The fact is in the log: position {position} of {size}."],
  key: ["Der Prüfschlüssel ist keiner: name+kennung+base64, Ed25519.", "This is no verifier key: name+hash+base64, Ed25519."],
  private_key: ["Das ist ein geheimer Schlüssel. Halten Sie ihn geheim; gebraucht wird der Prüfschlüssel.", "This is a private key. Keep it secret; the verifier key is what is needed."],
  proof: ["Der Nachweis ist keiner im Format c2sp.org/tlog-proof@v1.", "The proof is not in the format c2sp.org/tlog-proof@v1."],
  checkpoint: ["Der Prüfpunkt im Nachweis ist keiner: drei Zeilen, Leerzeile, Unterschriften.", "The proof's checkpoint is none: three lines, an empty line, signatures."],
  unsigned: ["Der Prüfpunkt ist nicht mit diesem Schlüssel unterschrieben.", "The checkpoint is not signed with this key."],
  signature: ["Die Unterschrift passt nicht zum Prüfpunkt: er oder sie wurde verändert.", "The signature does not fit the checkpoint: one of them was changed."],
  origin: ["Der Prüfpunkt gehört zu einem anderen Protokoll als der Schlüssel.", "The checkpoint belongs to another log than the key."],
  index: ["Eine solche Position hat das Protokoll nicht.", "The log has no such position."],
  length: ["Der Nachweis hat zu viele oder zu wenige Prüfsummen.", "The proof has too many or too few hashes."],
  root: ["Die Bytes der Tatsache führen nicht zur unterschriebenen Wurzel: sie oder der Nachweis wurden verändert.", "The fact's bytes do not lead to the signed root: they or the proof were changed."],
};

class Invalid extends Error {}

const told = (code, facts = {}) => {
  const [de, en] = MESSAGES[code].map((text) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name]));
  return { ok: code === "valid", code, message: { de, en }, ...facts };
};

/** Whether a fact is in the log. Never throws for what it is given: `code` says what is wrong. */
export async function verifyProof(leaf, proofText, keyText, { subtle = globalThis.crypto?.subtle } = {}) {
  try {
    const key = await keyOf(keyText.trim(), subtle);
    const { index, hashes, note } = proofOf(proofText);
    const checkpoint = await opened(note, key, subtle);
    if (index >= checkpoint.size) throw new Invalid("index");
    const leafHash = await hashed(subtle, [0], leaf);
    const root = await rootFrom(leafHash, index, checkpoint.size, hashes, subtle);
    if (!equal(root, checkpoint.root)) throw new Invalid("root");
    const { origin, size } = checkpoint;
    return told("valid", {
      position: String(index + 1n), size: String(size), origin, root: hex(root),
      leaf: hex(leafHash), hashes: hashes.length, key: `${key.name}+${key.id}`,
    });
  } catch (error) {
    if (error instanceof Invalid) return told(error.message);
    throw error;
  }
}

// The tree: RFC 9162, section 2.1.3.2

async function rootFrom(leafHash, index, size, hashes, subtle) {
  let [at, last, found] = [index, size - 1n, leafHash];
  for (const beside of hashes) {
    if (last === 0n) throw new Invalid("length");
    if (at & 1n || at === last) {
      found = await hashed(subtle, [1], beside, found);
      while (!(at & 1n) && at !== 0n) [at, last] = [at >> 1n, last >> 1n];
    } else {
      found = await hashed(subtle, [1], found, beside);
    }
    [at, last] = [at >> 1n, last >> 1n];
  }
  if (last !== 0n) throw new Invalid("length");
  return found;
}

// The files

function proofOf(text) {
  const [head, gap, note] = partition(text, "\n\n");
  const lines = head.split("\n");
  if (lines[1]?.startsWith("extra ")) base64(lines.splice(1, 1)[0].slice(6), "proof");
  const index = /^index (0|[1-9][0-9]{0,18})$/.exec(lines[1] ?? "");
  if (lines[0] !== "c2sp.org/tlog-proof@v1" || !gap || !index) throw new Invalid("proof");
  const hashes = lines.slice(2).map((line) => base64(line, "proof"));
  if (hashes.length > 64 || hashes.some((hash) => hash.length !== 32)) throw new Invalid("proof");
  return { index: BigInt(index[1]), hashes, note };
}

async function keyOf(text, subtle) {
  if (text.startsWith("PRIVATE+KEY+")) throw new Invalid("private_key");
  const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text) ?? [];
  const raw = base64(encoded ?? "", "key");
  if (raw.length !== 33 || raw[0] !== 1) throw new Invalid("key");
  const digest = await hashed(subtle, utf8(`${name}\n`), raw);
  if (hex(digest.subarray(0, 4)) !== id) throw new Invalid("key");
  return { name, id, raw: raw.subarray(1) };
}

async function opened(note, key, subtle) {
  const end = note.lastIndexOf("\n\n");
  // eslint-disable-next-line no-control-regex
  if (end < 0 || !note.endsWith("\n") || /[\x00-\x09\x0b-\x1f]/.test(note)) throw new Invalid("checkpoint");
  const text = note.slice(0, end + 1);
  const lines = text.split("\n");
  const fields = /^(0|[1-9][0-9]{0,18})$/.exec(lines[1] ?? "");
  if (lines.length !== 4 || !lines[0] || !fields) throw new Invalid("checkpoint");
  const root = base64(lines[2], "checkpoint");
  const size = BigInt(fields[1]);
  if (root.length !== 32 || size >= 1n << 63n) throw new Invalid("checkpoint");
  await demandSignature(text, note.slice(end + 2, -1).split("\n"), key, subtle);
  if (lines[0] !== key.name) throw new Invalid("origin");
  return { origin: lines[0], size, root };
}

async function demandSignature(text, lines, key, subtle) {
  const ours = [];
  for (const line of lines) {
    const [, name, encoded] = /^— ([^+\s]+) (\S+)$/.exec(line) ?? [];
    const raw = base64(encoded ?? "", "checkpoint");
    if (raw.length < 5) throw new Invalid("checkpoint");
    if (name === key.name && hex(raw.subarray(0, 4)) === key.id) ours.push(raw.subarray(4));
  }
  if (ours.length > 1) throw new Invalid("checkpoint");
  if (ours.length === 0) throw new Invalid("unsigned");
  if (!(await ed25519(key.raw, ours[0], utf8(text), subtle))) throw new Invalid("signature");
}

// Bytes

const utf8 = (text) => new TextEncoder().encode(text);
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const equal = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);
const joined = (parts) => Uint8Array.from(parts.flatMap((part) => Array.from(part)));

function partition(text, by) {
  const at = text.indexOf(by);
  return at < 0 ? [text, "", ""] : [text.slice(0, at), by, text.slice(at + by.length)];
}

function base64(text, code) {
  let raw;
  try {
    raw = atob(text);
  } catch {
    throw new Invalid(code);
  }
  if (btoa(raw) !== text || !text) throw new Invalid(code); // one form only
  return Uint8Array.from(raw, (letter) => letter.charCodeAt(0));
}

async function hashed(subtle, ...parts) {
  const whole = joined(parts);
  return subtle ? new Uint8Array(await subtle.digest("SHA-256", whole)) : sha256(whole);
}

// SHA-256 and SHA-512, FIPS 180-4: the same rounds on words of 32 and of 64 bits

const PRIMES = [];
for (let n = 2; PRIMES.length < 80; n++) if (PRIMES.every((prime) => n % prime)) PRIMES.push(n);

/** The first `bits` bits of the fraction of the root of a number. */
function fraction(number, degree, bits) {
  const scaled = BigInt(number) << BigInt(degree * bits);
  let [low, high] = [0n, scaled];
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** BigInt(degree) <= scaled) low = middle;
    else high = middle - 1n;
  }
  return BigInt.asUintN(bits, low);
}

function sha(bits, rounds, [s0, s1, e0, e1]) {
  const constants = PRIMES.slice(0, rounds).map((prime) => fraction(prime, 3, bits));
  const initial = PRIMES.slice(0, 8).map((prime) => fraction(prime, 2, bits));
  const cut = (word) => BigInt.asUintN(bits, word);
  const turn = (x, by) => (x >> BigInt(by)) | cut(x << BigInt(bits - by));
  const small = (x, [a, b, shift]) => turn(x, a) ^ turn(x, b) ^ (x >> BigInt(shift));
  const large = (x, [a, b, c]) => turn(x, a) ^ turn(x, b) ^ turn(x, c);
  const bytes = bits / 8;
  return (message) => {
    const block = 16 * bytes;
    const padded = new Uint8Array(Math.ceil((message.length + 1 + 2 * bytes) / block) * block);
    padded.set(message);
    padded[message.length] = 0x80;
    new DataView(padded.buffer).setBigUint64(padded.length - 8, BigInt(message.length) * 8n);
    const state = [...initial];
    for (let start = 0; start < padded.length; start += block) {
      const w = [];
      for (let i = 0; i < 16; i++) w.push(BigInt(`0x${hex(padded.subarray(start + i * bytes, start + (i + 1) * bytes))}`));
      for (let i = 16; i < rounds; i++) w.push(cut(small(w[i - 2], e1) + w[i - 7] + small(w[i - 15], e0) + w[i - 16]));
      let [a, b, c, d, e, f, g, h] = state;
      for (let i = 0; i < rounds; i++) {
        const t1 = h + large(e, s1) + ((e & f) ^ (cut(~e) & g)) + constants[i] + w[i];
        const t2 = large(a, s0) + ((a & b) ^ (a & c) ^ (b & c));
        [h, g, f, e, d, c, b, a] = [g, f, e, cut(d + t1), c, b, a, cut(t1 + t2)];
      }
      [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] = cut(state[i] + word)));
    }
    return bytesOf(state.map((word) => word.toString(16).padStart(2 * bytes, "0")).join(""));
  };
}

const bytesOf = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
export const sha256 = sha(32, 64, [[2, 13, 22], [6, 11, 25], [7, 18, 3], [17, 19, 10]]);
export const sha512 = sha(64, 80, [[28, 34, 39], [14, 18, 41], [1, 8, 7], [19, 61, 6]]);

// Ed25519, RFC 8032, section 5.1.7. Only public values: time need not be constant.

const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const mod = (x, m = P) => ((x % m) + m) % m;

function power(base, exponent) {
  let [result, square] = [1n, mod(base)];
  for (let e = exponent; e > 0n; e >>= 1n) {
    if (e & 1n) result = (result * square) % P;
    square = (square * square) % P;
  }
  return result;
}

const D = mod(-121665n * power(121666n, P - 2n));
const ROOT_OF_MINUS_1 = power(2n, (P - 1n) / 4n);
const little = (bytes) => BigInt(`0x${hex(Uint8Array.from(bytes).reverse())}`);

/** A point in extended coordinates from its 32 bytes; null where they are none. */
function point(bytes) {
  const encoded = little(bytes);
  const y = BigInt.asUintN(255, encoded);
  if (y >= P) return null;
  const [u, v] = [mod(y * y - 1n), mod(D * y * y + 1n)];
  let x = mod(u * power(v, 3n) * power(u * power(v, 7n), (P - 5n) / 8n));
  if (mod(v * x * x) !== u) x = mod(x * ROOT_OF_MINUS_1);
  if (mod(v * x * x) !== u || (x === 0n && encoded >> 255n)) return null;
  if ((x & 1n) !== encoded >> 255n) x = P - x;
  return [x, y, 1n, mod(x * y)];
}

function plus([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const [a, b] = [mod((y1 - x1) * (y2 - x2)), mod((y1 + x1) * (y2 + x2))];
  const [c, d] = [mod(2n * t1 * t2 * D), mod(2n * z1 * z2)];
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function times(scalar, added) {
  let [result, doubled] = [[0n, 1n, 1n, 0n], added];
  for (let s = scalar; s > 0n; s >>= 1n) {
    if (s & 1n) result = plus(result, doubled);
    doubled = plus(doubled, doubled);
  }
  return result;
}

const BASE = point(bytesOf("58" + "66".repeat(31)));

/** Whether a signature is of a message, in plain code. */
export function ed25519Plain(key, signature, message) {
  if (signature.length !== 64) return false;
  const [a, r, s] = [point(key), point(signature.subarray(0, 32)), little(signature.subarray(32))];
  if (!a || !r || s >= ORDER) return false;
  const h = mod(little(sha512(joined([signature.subarray(0, 32), key, message]))), ORDER);
  const [left, right] = [times(s, BASE), plus(r, times(h, a))];
  return mod(left[0] * right[2]) === mod(right[0] * left[2]) && mod(left[1] * right[2]) === mod(right[1] * left[2]);
}

async function ed25519(key, signature, message, subtle) {
  if (subtle) {
    try {
      const imported = await subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
      return await subtle.verify("Ed25519", imported, signature, message);
    } catch {
      // This WebCrypto has no Ed25519, or takes the key for none: the code above decides.
    }
  }
  return ed25519Plain(key, signature, message);
}
