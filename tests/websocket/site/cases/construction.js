// What the constructor takes, and what it throws.

import { attempt } from "../describe.js";

/** What became of `new Socket(...)`: an exception, or the URL, with that of the page as PAGE. */
const made = (Socket, ...args) => attempt(() => {
  const socket = new Socket(...args);
  const { url, readyState, protocol } = socket;
  socket.close();
  return [url.replaceAll(location.host, "PAGE"), readyState, protocol];
});

const throwing = { toString() { throw new RangeError("mine"); } };

const URLS = {
  "nothing at all": [],
  "an absolute URL": ["ws://127.0.0.1:1/x"],
  "wss": ["wss://127.0.0.1:1/x?y=z"],
  "http": ["http://127.0.0.1:1/x"],
  "https": ["https://127.0.0.1:1/x"],
  "a scheme in capitals": ["WS://127.0.0.1:1/"],
  "HTTP in capitals": ["HTTP://127.0.0.1:1/"],
  "a relative path": ["line/x"],
  "an absolute path": ["/x?y"],
  "only a query": ["?y=1"],
  "an empty string": [""],
  "a URL without its scheme": ["//127.0.0.1:1/x"],
  "a path with dots": ["/a/../b/./c"],
  "characters that are escaped": ["/\u00e9 \u{1F600}?\u00e9"],
  "a lone surrogate": ["/\ud800"],
  "white space around": ["  ws://127.0.0.1:1/  "],
  "line breaks inside": ["ws://127.0.0.1:1/a\nb"],
  "the default port of ws": ["ws://127.0.0.1:80/"],
  "the default port of wss": ["wss://127.0.0.1:443/"],
  "the default port of http": ["http://127.0.0.1:80/"],
  "the port of https over http": ["http://127.0.0.1:443/"],
  "the port of http over https": ["https://127.0.0.1:80/"],
  "a host in capitals": ["ws://LOCALHOST:1/"],
  "user and password": ["ws://user:pass@127.0.0.1:1/"],
  "a URL object": [new URL("ws://127.0.0.1:1/object")],
  "an object with toString": [{ toString: () => "ws://127.0.0.1:1/text" }],
  "an object whose toString throws": [throwing],
  "a symbol": [Symbol("x")],
  "undefined": [undefined],
  "null": [null],
  "a number": [7],
  "a fragment": ["ws://127.0.0.1:1/#x"],
  "an empty fragment": ["ws://127.0.0.1:1/#"],
  "a relative fragment": ["#x"],
  "ftp": ["ftp://127.0.0.1/"],
  "mailto": ["mailto:x@example.com"],
  "data": ["data:,x"],
  "blob": ["blob:http://127.0.0.1/x"],
  "about:blank": ["about:blank"],
  "javascript": ["javascript:void 0"],
  "no host": ["ws://"],
  "a space in the host": ["ws://a b/"],
  "a port that is too high": ["ws://127.0.0.1:65536/"],
  "a port that is none": ["ws://127.0.0.1:x/"],
  "a bad IPv6 address": ["ws://[::1/"],
  "an IPv6 address": ["ws://[::1]:1/"],
  "a single slash": ["ws:/127.0.0.1:1/x"],
};

const PROTOCOLS = {
  "undefined": undefined,
  "an empty list": [],
  "one": "a",
  "a list of one": ["a"],
  "a list of two": ["a", "b"],
  "the empty string": "",
  "a list with the empty string": [""],
  "one twice": ["a", "a"],
  "one twice, in another case": ["a", "A"],
  "one twice, as number and text": [1, "1"],
  "every character of a token": "!#$%&'*+-.^_`|~09azAZ",
  "a space": "a b",
  "a comma": "a,b",
  "a semicolon": "a;b",
  "a slash": "a/b",
  "a colon": "a:b",
  "an at sign": "a@b",
  "brackets": "a[b]",
  "braces": "a{b}",
  "parentheses": "a(b)",
  "angle brackets": "a<b>",
  "an equals sign": "a=b",
  "a question mark": "a?b",
  "a quotation mark": 'a"b',
  "a backslash": "a\\b",
  "a tab": "a\tb",
  "a control character": "a\u0000",
  "a delete character": "a\u007f",
  "a letter with an accent": "\u00e9",
  "a number": 5,
  "null": null,
  "a list with null": [null],
  "true": true,
  "a symbol": Symbol("x"),
  "a list with a symbol": [Symbol("x")],
  "an object": {},
  "an object with toString": { toString: () => "a" },
  "an object with length": { length: 1, 0: "a" },
  "a set": new Set(["a", "b"]),
  "a String object": new String("ab"),
  "an iterable that throws": { [Symbol.iterator]() { throw new RangeError("mine"); } },
  "an iterator that is no function": { [Symbol.iterator]: 1 },
  "a list whose entry throws": [throwing],
  "a function": () => "a",
};

export default {
  "without new": (Socket, base) => attempt(() => Socket(base)),
  "a bad URL and bad protocols": (Socket) => made(Socket, "ftp://x", Symbol("x")),
  "a bad URL and a duplicate": (Socket) => made(Socket, "ws://[", ["a", "a"]),
  "the URL is read before the protocols": (Socket) => {
    const order = [];
    const say = (word) => ({ toString: () => (order.push(word), "a") });
    made(Socket, say("url"), say("protocols"));
    return order;
  },
  "relative to the base element": (Socket) => {
    const element = document.createElement("base");
    element.href = "https://127.0.0.1:1/elsewhere/";
    document.head.append(element);
    const outcome = made(Socket, "x");
    element.remove();
    return outcome;
  },
  ...Object.fromEntries(Object.entries(URLS).map(([name, args]) => [
    `URL: ${name}`, (Socket) => made(Socket, ...args),
  ])),
  ...Object.fromEntries(Object.entries(PROTOCOLS).map(([name, protocols]) => [
    `protocols: ${name}`, (Socket) => made(Socket, "ws://127.0.0.1:1/", protocols),
  ])),
};
