// ReliableWebSocket as it is, and counts of what its user sends and is told.

import { ReliableWebSocket } from "tautline/websocket";

export const counts = { sockets: 0, sent: 0, received: 0 };

export class Counted extends ReliableWebSocket {
  constructor(...given) {
    super(...given);
    counts.sockets += 1;
    Counted.newest = this;
    this.addEventListener("message", () => (counts.received += 1));
  }

  send(data) {
    super.send(data);
    counts.sent += 1;
  }
}
