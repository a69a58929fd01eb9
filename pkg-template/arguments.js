// What a WebSocket's constructor and methods are given, turned into what they mean by the rules of
// the WebSockets standard (websockets.spec.whatwg.org) and of Web IDL; with the same exceptions.

import { bytesOf, text } from "./payload.js";
import { isWebSocket, resolve } from "./url.js";

const NORMAL = 1000;
const APPLICATION_FIRST = 3000;
const APPLICATION_LAST = 4999;
const REASON_BYTES_MAX = 123;
/** A token of HTTP. */
const PROTOCOL = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Throws unless at least one of the arguments that `method` needs is there. */
export function required(method, given) {
  if (given === 0) throw new TypeError(`${method}: 1 argument required, but only 0 present.`);
}

/** The URL record of `url`, relative to the page, and the list of subprotocols. */
export function parseConstruction(url, protocols) {
  // Web IDL converts every argument before the constructor looks at the first.
  const [text, list] = [`${url}`, listOf(protocols)];
  return { url: parseUrl(text), protocols: checked(list) };
}

function parseUrl(text) {
  let url;
  try {
    url = resolve(text);
  } catch {
    throw syntaxError(`The URL "${text}" is invalid.`);
  }
  if (!isWebSocket(url)) {
    throw syntaxError(
      `The URL's scheme must be "ws", "wss", "http" or "https"; "${url.protocol}" is not.`,
    );
  }
  if (url.href.includes("#")) {
    throw syntaxError(`The URL must not have a fragment; "${url.href}" has one.`);
  }
  return url;
}

/** Of one subprotocol, or of anything that can be iterated. */
function listOf(given) {
  const isList = Object(given) === given && given[Symbol.iterator] != null;
  return isList ? Array.from(given, (protocol) => `${protocol}`) : [`${given}`];
}

function checked(protocols) {
  for (const [at, protocol] of protocols.entries()) {
    if (!PROTOCOL.test(protocol)) throw syntaxError(`The subprotocol "${protocol}" is invalid.`);
    if (protocols.indexOf(protocol) < at) {
      throw syntaxError(`The subprotocol "${protocol}" is there twice.`);
    }
  }
  return protocols;
}

/** What may stand in a Close frame: only what was given. */
export function parseClose(givenCode, givenReason) {
  const code = givenCode === undefined ? undefined : clamp(givenCode);
  const bytes = bytesOf(givenReason === undefined ? "" : `${givenReason}`);
  const isOurs = code >= APPLICATION_FIRST && code <= APPLICATION_LAST;
  if (code !== undefined && code !== NORMAL && !isOurs) {
    throw new DOMException(
      `The close code must be 1000, or between 3000 and 4999; ${code} is neither.`,
      "InvalidAccessError",
    );
  }
  if (bytes.length > REASON_BYTES_MAX) {
    throw syntaxError(
      `The reason must not be longer than ${REASON_BYTES_MAX} bytes; it has ${bytes.length}.`,
    );
  }
  // A reason cannot stand without a code. As text again, it is well-formed.
  return { code: bytes.length > 0 ? (code ?? NORMAL) : code, reason: text(bytes) };
}

/** Web IDL's `[Clamp] unsigned short`: to the nearest integer, of two to the even one. */
function clamp(value) {
  const number = Math.min(Math.max(+value, 0), 65_535) || 0;
  const floor = Math.floor(number);
  const rest = number - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** What `send` is given: a string, a Blob, or bytes that are the caller's. */
export function parseMessage(data) {
  const isView = ArrayBuffer.isView(data);
  const brand = brandOf(data);
  if (brand === "SharedArrayBuffer" || (isView && brandOf(data.buffer) === "SharedArrayBuffer")) {
    throw new TypeError("What is sent must not be in a SharedArrayBuffer: copy it.");
  }
  if (isView) return bytesOf(data);
  if (brand === "ArrayBuffer") return new Uint8Array(data);
  return brand === "Blob" || brand === "File" ? data : `${data}`;
}

/** What an object is, even if it comes from another frame of the page. */
const brandOf = (value) => Object.prototype.toString.call(value).slice(8, -1);

const syntaxError = (message) => new DOMException(message, "SyntaxError");
