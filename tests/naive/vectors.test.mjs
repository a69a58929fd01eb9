// The naive codec against the golden vectors: it was written from the page alone.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { decode, encode, NaiveClient } from "./client.mjs";

const VECTORS = new URL("../../protocol/tests/vectors/", import.meta.url);

async function vectors(from, ...files) {
  const texts = await Promise.all(files.map((file) => readFile(new URL(file, VECTORS), "utf8")));
  const found = texts.flatMap((text) => JSON.parse(text)).filter((vector) => vector.from === from);
  assert.ok(found.length > 0, `${files} hold nothing from the ${from}`);
  return found;
}

/** A frame as the vectors write it. */
function written(frame) {
  const value = (field) => {
    if (typeof field === "bigint") return String(field);
    return Buffer.isBuffer(field) ? field.toString("hex") : field;
  };
  return Object.fromEntries(Object.entries(frame).map(([key, field]) => [key, value(field)]));
}

function read(packet) {
  const frames = [];
  try {
    for (const frame of decode(packet)) frames.push(written(frame));
  } catch (fault) {
    return { frames, error: fault.message, code: String(fault.code) };
  }
  return { frames };
}

test("what a client sends is encoded to the bytes of its vector", async () => {
  for (const { name, bytes, frames } of await vectors("client", "uplink.json", "packets.json")) {
    assert.equal(Buffer.concat(frames.map(encode)).toString("hex"), bytes, name);
  }
});

test("what a server sends is decoded to the fields of its vector, or to its error", async () => {
  const files = ["downlink.json", "packets.json", "malformed-downlink.json"];
  for (const { name, bytes, frames, error, code } of await vectors("server", ...files)) {
    const known = frames.map(({ more, ...fields }) => fields);
    const expected = error ? { frames: known, error, code } : { frames: known };
    assert.deepEqual(read(Buffer.from(bytes, "hex")), expected, name);
  }
});

// PROTOCOL.md F-14, F-15.
test("fragments are put together and made", async () => {
  const divided = (await vectors("server", "packets.json")).filter(({ messages }) => messages);
  assert.ok(divided.length > 0);
  for (const { messages, bytes } of divided) {
    const client = Object.create(NaiveClient.prototype, Object.fromEntries(
      ["ws", "half", "streams", "state", "heardAt", "read"].map((name) => [name, { writable: true }])));
    const read = [];
    const ENTRY = (frame) => read.push(frame);
    Object.assign(client, { state: "live", half: [], streams: [{}, {}], ws: 1 });
    Object.defineProperty(client, "ENTRY", { value: ENTRY });
    for (const message of messages) {
      assert.equal(read.length, 0, "nothing before the last");
      client.packet(1, Buffer.from(message, "hex"), true);
    }
    assert.deepEqual(read, [...decode(Buffer.from(bytes, "hex"))]);
  }
  const sent = [];
  const client = Object.create(NaiveClient.prototype, {
    ws: { value: { send: (message) => sent.push(message) } },
  });
  const payload = Buffer.alloc(40_000, "x");
  const frame = { frame: "MESSAGE", kind: "send", format: "text", last: true, seq: 1n, payload };
  client.send(frame);
  assert.deepEqual(sent.map((message) => [message[0], message.length]),
    [[15, 16_385], [15, 16_385], [16, 40_002 - 2 * 16_384 + 1]]);
  assert.deepEqual(Buffer.concat(sent.map((message) => message.subarray(1))), encode(frame));
});
