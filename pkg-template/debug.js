// What a line does, on the console. Loaded for `debug: true` alone.

import { Teller } from "./frames.js";

let lines = 0;

/** `12:34:56.789`, by the clock on the wall. */
function time() {
  const now = new Date();
  const parts = [now.getHours(), now.getMinutes(), now.getSeconds()];
  const clock = parts.map((part) => String(part).padStart(2, "0")).join(":");
  return `${clock}.${String(now.getMilliseconds()).padStart(3, "0")}`;
}

/** A query may hold secrets. */
const shown = (url) => url.replace(/\?.*/, "?...");

/** Tells what becomes of `line`, and returns a function that does so for each of its WebSockets. */
export function watcher(line, url) {
  lines += 1;
  const name = `tautline ${lines}`;
  const log = (sign, text) => console.log(`${name} ${time()} ${sign} ${text}`);
  const teller = new Teller();
  tellEvents(line, (text) => log("*", text));
  return (socket) => {
    log("*", `dialing ${shown(url)}`);
    tellSocket(socket, teller, log);
  };
}

function tellEvents(line, log) {
  line.addEventListener("state", ({ state, reason, code, retryAt, downtime }) => {
    const details = [
      code && `code ${code}`,
      retryAt && `next attempt in ${Math.max(0, retryAt - Date.now())} ms`,
      downtime && `down for ${downtime} ms`,
    ].filter(Boolean);
    const why = reason === state ? "" : `: ${reason}`;
    log(`${state.toUpperCase()}${why}${details.length ? ` (${details.join(", ")})` : ""}`);
  });
  line.addEventListener("lost", ({ outcomeKnown, directMissing }) => {
    const outcomes = outcomeKnown ? "every outcome is known" : "some outcomes may be unknown";
    const missing = directMissing ? "direct messages may be missing" : "no direct message is missing";
    log(`the server has lost the session: ${outcomes}, ${missing}`);
  });
  line.addEventListener("gap", ({ from, to }) => {
    log(`the server has dropped direct messages: @${from} to @${to}`);
  });
}

function tellSocket(socket, teller, log) {
  const packet = (sign, data, isUp) => {
    if (typeof data === "string") log(sign, `a text message of ${data.length} characters`);
    else log(sign, `${data.byteLength} B: ${teller.tell(new Uint8Array(data), isUp)}`);
  };
  let isLeft = false;
  socket.addEventListener("message", ({ data }) => isLeft || packet("<", data, false));
  socket.addEventListener("close", ({ code, reason }) => {
    if (!isLeft) log("*", `the connection closed with ${code}${reason && `: ${reason}`}`);
  });
  const { send, close } = socket;
  socket.send = (data) => {
    packet(">", data, true);
    send.call(socket, data);
  };
  socket.close = (code) => {
    if (!isLeft && socket.readyState < 2) log("*", `hanging up with ${code}`);
    isLeft = true;
    close.call(socket, code);
  };
}
