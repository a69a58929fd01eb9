// What the tests do with the code in docs/websocket.md.

export const websocket = {
  "In place of WebSocket": {
    server: "echo",
    before: `console.log = (...given) => told(...given);`,
    after: `addEventListener("pagehide", () => socket.close());`,
    tells: ["hello"],
  },
  "In place of WebSocket 2": {
    server: "echo",
    before: `
      import { ReliableWebSocket } from "tautline/websocket";
      const fetchToken = async () => (told("asked"), "token");`,
    after: `
      const socket: WebSocket = new MyWebSocket("/line");
      socket.onopen = () => told(socket.readyState);`,
    tells: ["asked", 1],
  },
};
