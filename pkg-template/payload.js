// Values to bytes or text and back. Formats are numbered as on the wire (PROTOCOL.md, "Formats").

import { InvalidArgumentError, UnserializableError } from "./errors.js";

/** The bits of a format: not text, and made by the codec. */
const BINARY = 1;
const ENCODED = 2;

export const json = { encode: JSON.stringify, decode: JSON.parse };

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

export const text = (bytes) => decoder.decode(bytes);

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

/** The bytes of a string or of any view. */
export function bytesOf(value) {
  if (typeof value === "string") return encodeText(value);
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  return new Uint8Array(value);
}

/** Returns `[format, bytes]`. Buffers and Blobs may come from another frame of the page. */
export function encode(codec, value) {
  if (typeof value === "string") return [0, bytesOf(value)];
  if (ArrayBuffer.isView(value) || /ArrayBuffer]$/.test({}.toString.call(value))) {
    return [BINARY, bytesOf(value)];
  }
  if (typeof value?.arrayBuffer === "function") {
    throw new InvalidArgumentError("A Blob is read first: send(await blob.arrayBuffer()).");
  }
  let encoded;
  try {
    encoded = codec.encode(value);
  } catch (cause) {
    throw new UnserializableError(`The codec could not encode this ${typeof value}: ${cause}.`, {
      cause,
    });
  }
  if (typeof encoded === "string") return [ENCODED, bytesOf(encoded)];
  if (encoded instanceof Uint8Array) return [ENCODED + BINARY, encoded];
  throw new UnserializableError(
    `The codec made neither a string nor a Uint8Array of this ${typeof value}, but ${encoded}.`,
  );
}

/** The value of a payload whose bytes belong to the wasm: nothing of it is kept. */
export function decode(codec, format, bytes) {
  const plain = format & BINARY ? bytes.slice() : text(bytes);
  return format & ENCODED ? codec.decode(plain) : plain;
}
