// Where ReliableWebSocket differs from the browser's class on purpose, with both outcomes.

const BAD_CODE = ["DOMException InvalidAccessError", 1, false];
const closed = (code, reason) => ["undefined", 2, [code, reason, true]];

export const DIFFERENCES = {
  events: {
    // The application on the server is told apart from the network: it may say why.
    "a handshake that is refused": {
      own: [["error", 3], ["close", 3, 1006, "", false]],
      reliable: [
        ["error", 3],
        ["close", 3, 1006, "The server refused this message (unreachable): the server behind: HTTP " +
          "error: 401 Unauthorized", false],
      ],
    },
    "who made the event": { own: [true, true], reliable: [false, false] },
  },
  shape: {
    "its name": { own: ["WebSocket", "[object WebSocket]"], reliable: ["ReliableWebSocket", "[object ReliableWebSocket]"] },
    "it is the browser's class": { own: true, reliable: false },
  },
};

const closedEarly = [[["error", 3, "undefined"], ["close", 3, 1006]], ""];

/** Where one browser departs from the standard and ReliableWebSocket does not, by the browser's name. */
export const DEPARTURES = {
  chromium: {
    // The standard takes a reason without a code as 1000, and rounds a code ([Clamp]) where Chromium
    // cuts off.
    closing: {
      "close: a reason without a code": { own: BAD_CODE, reliable: closed(1000, "because") },
      "close: a long reason without a code": {
        own: BAD_CODE, reliable: ["DOMException SyntaxError", 1, false],
      },
      "close: 999.5": { own: BAD_CODE, reliable: closed(1000, "") },
      "close: 1000.6": { own: closed(1000, ""), reliable: BAD_CODE },
      "close: 2999.5": { own: BAD_CODE, reliable: closed(3000, "") },
      "close: 4999.5": { own: closed(4999, ""), reliable: BAD_CODE },
    },
  },
  firefox: {
    construction: {
      "relative to the base element": {
        own: ["ws://PAGE/x", 0, ""], reliable: ["wss://127.0.0.1:1/elsewhere/x", 0, ""],
      },
      "URL: an empty string": { own: "DOMException SyntaxError", reliable: ["ws://PAGE/", 0, ""] },
    },
    events: {
      "a server that chooses none of the protocols": {
        own: "nothing after 3000 ms", reliable: closedEarly,
      },
    },
    closing: {
      "close: a reason without a code": { own: closed(1005, ""), reliable: closed(1000, "because") },
    },
  },
};
