// Compiled, never run: what the types allow, and what they do not.

import {
  connect,
  RefusedError,
  TautlineError,
  type CredentialsFunction,
  type Entry,
  type Line,
  type LoadError,
  type State,
  type StateChange,
  type Stats,
} from "tautline";
import { connect as connectInline } from "tautline/inline";
import { connect as connectSlim, provide } from "tautline/slim";
import { connect as connectInWorker } from "tautline/service-worker";
import { ReliableWebSocket, reliableWebSocket } from "tautline/websocket";

interface Note {
  text: string;
}

const line: Line = connect(new URL("wss://example.com/line"), {
  credentials: async () => "token",
  whenUncertain: "fail",
  outbox: { messages: 10, whenFull: "reject" },
  backoff: { base: 100, cap: 1000 },
  signal: AbortSignal.timeout(1000),
});

line.addEventListener("state", ({ state, reason, retryAt }: StateChange) => {
  const text: string = state + reason;
  const at: number | undefined = retryAt;
  return [text, at];
});
line.addEventListener("message", ({ data, offset }) => [data, offset satisfies number]);
line.addEventListener("lost", ({ outcomeKnown }) => outcomeKnown satisfies boolean);

// @ts-expect-error there is no such event
line.addEventListener("massage", () => {});
// @ts-expect-error a policy has two values
connect("/line", { whenUncertain: "maybe" });
// @ts-expect-error the state is read-only
line.state = "open";

const token: CredentialsFunction = async ({ cause, reason, signal }) => {
  if (signal.aborted || reason === "logged out") return null;
  return cause === "refused" ? new Uint8Array([1]) : "token";
};
connect("/line", { credentials: token, debug: true, warnBeforeUnload: true });
// @ts-expect-error credentials are a string, bytes or null
connect("/line", { credentials: async () => undefined });
const past: string[] = line.history().map(({ at, state, code, downtime }) => {
  return `${new Date(at).toISOString()} ${state} ${code ?? ""} ${downtime ?? ""}`;
});
export function once(): string[] {
  using short = connect("/line");
  using notes = short.subscribe("notes");
  return [...past, notes.topic];
}

const sent: Promise<void> = line.send({ any: "value" }, { volatile: true });
const reply: Promise<Note> = line.request<Note>("question", { timeout: 100, ttl: 50 });
line.publish("room", 1, { key: "me", ttl: 1000 });
// @ts-expect-error each request has a reply of its own
line.request(1, { key: "me" });
const topic = line.subscribe<Note>("room", { last: 5 });
const first: Promise<IteratorResult<Entry<Note>>> = topic.next();
const stats: Stats = line.stats();

export async function read(): Promise<string[]> {
  const texts: string[] = [];
  for await (const { data, gap } of topic) {
    if (gap?.reset) break;
    texts.push(data.text);
  }
  try {
    await Promise.all([sent, reply, first, line.close({ timeout: 0 })]);
  } catch (error) {
    if (error instanceof RefusedError) texts.push(error.refusal);
    else if (error instanceof TautlineError) texts.push(error.code);
  }
  return [...texts, String(stats.roundTrip), ...Object.keys(stats.reconnects)];
}

interface Chat {
  request: { find: string };
  reply: { found: string[] };
  direct: { invitation: string };
  topics: { news: Note; [room: `room:${string}`]: { from: string } };
}

export async function chat(): Promise<Note[]> {
  await using typed = connect<Chat>("/line");
  typed.addEventListener("message", ({ data }) => data.invitation satisfies string);
  const answer = await typed.request({ find: "x" });
  answer.found satisfies string[];
  await typed.publish("room:1", { from: "Ann" });
  await typed.publish("news", { text: "n" });
  // `send` is not in Chat, so it takes anything.
  await typed.send(7);
  await using news = typed.subscribe("news", { last: 1 });
  const notes: Note[] = [];
  for await (const { data } of news) notes.push(data);
  typed.subscribe("room:2").addEventListener("message", ({ data }) => data.from satisfies string);

  // @ts-expect-error a request has `find`
  await typed.request({ fnid: "x" });
  // @ts-expect-error the reply has no such property
  answer.lost;
  // @ts-expect-error there is no such topic
  await typed.publish("olds", { text: "n" });
  // @ts-expect-error a room's entries are no notes
  await typed.publish("room:1", { text: "n" });
  // @ts-expect-error there is no such topic to read either
  typed.subscribe("olds");
  // @ts-expect-error a direct message has no such property
  typed.addEventListener("message", ({ data }) => data.text);
  return notes;
}

// What takes any line takes one with types of its own, and what takes that takes a line without.
const anyLine = (given: Line): State => given.state;
export const states: State[] = [anyLine(connect<Chat>("/line")), anyLine(connect("/line"))];
export const typedLine: Line<Chat> = connect("/line");
export const lines: Line[] = [connect<Chat>("/line"), connect<{ send: Note }>("/line")];
// @ts-expect-error but not one with other types
export const otherLine: Line<Chat> = connect<{ request: number; topics: { olds: number } }>("/line");

/** Every error tells by its code which one it is. */
export function explain(error: unknown): string {
  if (!(error instanceof TautlineError)) return "";
  error.retryable satisfies boolean;
  if (error.code === "refused") return error.refusal;
  // @ts-expect-error others have none
  error.refusal;
  switch (error.code) {
    case "stopped":
      return `${error.closeCode}`;
    case "load-failed":
      return error satisfies LoadError ? error.message : "";
    default:
      return error.message;
  }
}
export const wait = (message: Promise<void>): Promise<string | void> => message.catch(explain);
line.addEventListener("state", ({ error }) => error?.code === "stopped" && error.closeCode.toFixed());
// @ts-expect-error there is no such code
export const isOver = (error: TautlineError): boolean => error.code === "over";

// The class that carries a line: the browser's, one like that of the package `ws`, a class of one's own.
declare class NodeSocket {
  constructor(address: string | URL, options?: { headers: object });
  constructor(address: string | URL, protocols?: string | string[], options?: { headers: object });
  binaryType: "nodebuffer" | "arraybuffer" | "fragments";
  readonly readyState: 0 | 1 | 2 | 3;
  readonly bufferedAmount: number;
  send(data: string | Uint8Array | ArrayBuffer, sent?: (error?: Error) => void): void;
  close(code?: number, data?: string | Uint8Array): void;
}
connect("/line", { WebSocket });
connect("/line", { WebSocket: NodeSocket });
connect("/line", {
  WebSocket: class extends NodeSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, { headers: { "x-tenant": "7" } });
    }
  },
});
export const carried = new ReliableWebSocket("/line", [], { WebSocket: NodeSocket });
// @ts-expect-error a function is no class
connect("/line", { WebSocket: () => {} });

// @ts-expect-error topics are an object
connect<{ topics: string }>("/line");

await provide(fetch("/tautline.wasm"));
export const others: Line[] = [connectInline("/line"), connectSlim("/line"), connectInWorker("/line")];

// Whatever takes the browser's class or a socket of it takes these.
export const Socket: typeof WebSocket = ReliableWebSocket;
export const socket: WebSocket = new ReliableWebSocket("/line", ["chat"], { credentials: "token" });
export class InlineSocket extends reliableWebSocket(connectInline) {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols, { connectTimeout: 1000 });
    this.addEventListener("state", ({ state, retryAt }) => [state, retryAt satisfies number | undefined]);
    this.addEventListener("close", ({ code }) => code satisfies number);
  }
}
// @ts-expect-error a socket decides itself what it sends again
new ReliableWebSocket("/line", [], { whenUncertain: "resend" });

connect("/line", { credentials: new ArrayBuffer(2) });
connect("/line", { credentials: () => new DataView(new ArrayBuffer(2)) });
connect("/line", { codec: { encode: () => new ArrayBuffer(2), decode: String } });
// @ts-expect-error a signal is not null
connect("/line", { signal: null });
line.close({ timeout: Infinity });
export const broken = (error: TautlineError) => error.code === "internal" && error.retryable;
