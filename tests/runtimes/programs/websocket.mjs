// ReliableWebSocket in place of the runtime's own class.

import { ReliableWebSocket } from "tautline/websocket";

const socket = new ReliableWebSocket(process.argv[2]);
socket.onopen = () => socket.close(3001, "seen");
socket.onerror = () => console.log("error");
socket.onclose = ({ code, reason, wasClean }) => console.log(code, reason, wasClean);
