// Compiled, never run: what the types allow, and what they do not.

import {
  connect,
  RefusedError,
  TautlineError,
  type Entry,
  type Line,
  type StateChange,
  type Stats,
} from "tautline";
import { connect as connectInline } from "tautline/inline";
import { connect as connectSlim, provide } from "tautline/slim";
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

const sent: Promise<void> = line.send({ any: "value" }, { volatile: true });
const reply: Promise<Note> = line.request<Note>("question", { timeout: 100 });
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
  return [...texts, String(stats.roundTrip)];
}

await provide(fetch("/tautline.wasm"));
export const others: Line[] = [connectInline("/line"), connectSlim("/line")];

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
