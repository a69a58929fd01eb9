// A line of the server's own: with a whole address, the WebSocket of `ws` (which Node needs before
// version 22), and the WebAssembly inside, because a bundle for a server leaves its file behind.

import { connect } from "tautline/inline";
import { WebSocket } from "ws";

export async function GET(request) {
  const line = connect(new URL(request.url).searchParams.get("line"), { WebSocket });
  try {
    await line.publish("room:next", { text: "from the server" });
    return new Response("published");
  } finally {
    await line.close();
  }
}
