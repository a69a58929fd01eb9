// Values to bytes or text and back. Formats are numbered as on the wire (PROTOCOL.md, "Formats").

import { InvalidArgumentError, UnserializableError } from "./errors.js";
import { shown } from "./expect.js";

/** The bits of a format: not text, and made by the codec. */
const BINARY = 1;
const ENCODED = 2;

export const json = { encode: JSON.stringify, decode: JSON.parse };

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

export const text = (bytes) => utf8.decode(bytes);

/** As UTF-8. What is short and ASCII, as most messages are, is copied faster than encoded. */
function encodeText(text) {
  if (text.length > 200) return encoder.encode(text);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (unit > 127) return encoder.encode(text);
    bytes[at] = unit;
  }
  return bytes;
}

/**
 * The bytes of a string or, where they are, of what `isBytes`. They get a plain view: a `slice` of Node's
 * Buffer copies nothing.
 */
export function bytesOf(value) {
  if (typeof value === "string") return encodeText(value);
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  return new Uint8Array(value);
}

/** Whether it is a buffer or a view of one; it may come from another frame of the page. */
export const isBytes = (value) =>
  ArrayBuffer.isView(value) || /ArrayBuffer]$/.test({}.toString.call(value));

/** Returns `[format, bytes]`. A Blob may come from another frame of the page too. */
export function encode(codec, value) {
  if (typeof value === "string") return [0, bytesOf(value)];
  if (isBytes(value)) return [BINARY, bytesOf(value)];
  if (typeof value?.arrayBuffer === "function") {
    throw new InvalidArgumentError("A Blob is read first: send(await blob.arrayBuffer()).");
  }
  let encoded;
  try {
    encoded = codec.encode(value);
  } catch (cause) {
    const message = `The codec could not encode this ${typeof value}: ${shown(cause)}.`;
    throw new UnserializableError(message, { cause });
  }
  if (typeof encoded === "string") return [ENCODED, bytesOf(encoded)];
  if (isBytes(encoded)) return [ENCODED + BINARY, bytesOf(encoded)];
  throw new UnserializableError(
    `The codec made neither a string nor bytes of this ${typeof value}, but ${shown(encoded)}.`,
  );
}

/**
 * Takes a payload whose bytes belong to the wasm, and returns what decodes it: the codec is the
 * application's, which may do anything.
 */
export function decoder(codec, format, bytes) {
  const plain = format & BINARY ? bytes.slice() : text(bytes);
  return () => (format & ENCODED ? codec.decode(plain) : plain);
}
