// The wasm of durable lines: it can do all that the other one can.

export const file = () => fetch(new URL("./wasm/tautline.durable.wasm", import.meta.url));
export const inside = () => import("./wasm/tautline.durable.inline.js");
