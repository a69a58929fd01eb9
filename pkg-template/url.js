// Where a line goes: relative to the page, and with http: meant as ws:.

/** The URL record that `given` names; throws a TypeError if it is no URL. */
export function resolve(given) {
  const url = new URL(given, globalThis.document?.baseURI ?? globalThis.location?.href);
  url.protocol = url.protocol.replace(/^http(s?:)/, "ws$1");
  return url;
}

export const isWebSocket = ({ protocol }) => /^wss?:$/.test(protocol);
