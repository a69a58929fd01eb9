// What the tests run over a ReliableWebSocket, as their authors publish it.

export { createClient } from "graphql-ws";
export { WebsocketProvider } from "y-websocket";
export * as Y from "yjs";
