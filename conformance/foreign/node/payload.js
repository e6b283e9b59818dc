'use strict';

// Payloads with the content of the conformance suite (payload.rs): each byte follows from its position and the size.

const WORD = 8;

// The largest message that either side takes, in bytes.
const MAX_MESSAGE = 64 * 1024 * 1024;

// The content of a few sizes at most is kept: the cases use few, a thousand times some of them.
const KEPT = 8;
const kept = new Map();

// Sizes with the first and the last bytes of their content, as the Rust function makes them.
const KNOWN = [
  [1, 'c1', 'c1'],
  [7, 'a53c36d76cec99', 'a53c36d76cec99'],
  [9, 'a83d7e35de181749', '3d7e35de18174969'],
  [1000, 'b74f03b5b19418e7', '3b214884c4653e7e'],
  [65537, 'c4b38d91aa15a7c5', '5d71cde8cb385b7c'],
];

/** A payload is not what its size says it must be. */
class WrongContent extends Error {}

/** The bytes of a payload of `size` bytes. */
function content(size) {
  let made = kept.get(size);
  if (made === undefined) {
    const words = Buffer.allocUnsafe(Math.ceil(size / WORD) * WORD);
    for (let start = 0; start < size; start += WORD) {
      words.writeBigUInt64LE(wordAt(size, start), start);
    }
    made = words.subarray(0, size);
    if (kept.size === KEPT) {
      kept.delete(kept.keys().next().value);
    }
    kept.set(size, made);
  }
  return made;
}

/** Throws WrongContent unless `body` is the content of its own length. */
function verify(body) {
  const expected = content(body.length);
  if (expected.equals(body)) {
    return;
  }
  const offset = expected.findIndex((byte, index) => byte !== body[index]);
  const hex = (byte) => `0x${byte.toString(16).padStart(2, '0')}`;
  throw new WrongContent(
    `payload of ${body.length} bytes is wrong at byte ${offset}: ` +
      `${hex(body[offset])} instead of ${hex(expected[offset])}`,
  );
}

/** The word at byte `start` of a payload of `size` bytes: the two, mixed by the finaliser of SplitMix64. */
function wordAt(size, start) {
  const wrap = (value) => BigInt.asUintN(64, value);
  let z = wrap(BigInt(size) * 0x9e3779b97f4a7c15n + BigInt(start + 1));
  z = wrap((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = wrap((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

// Both peers of a call could be wrong in the same way; so neither starts unless it agrees with the Rust function.
for (const [size, first, last] of KNOWN) {
  const made = content(size);
  if (made.subarray(0, WORD).toString('hex') !== first || made.subarray(-WORD).toString('hex') !== last) {
    throw new Error(`the content of ${size} bytes is not that of the Rust function`);
  }
}

module.exports = { MAX_MESSAGE, WrongContent, content, verify };
