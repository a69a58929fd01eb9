// The same test in Vitest and in Jest, which both have `test` and `expect` as globals; ENTRY, LINE
// and SOCKET come from runners.test.mjs.

const { connect } = await import(process.env.ENTRY);
const { WebSocket } = process.env.SOCKET === "own" ? globalThis : await import("ws");

for (const durable of [undefined, "notes"]) {
  test(`a line publishes and reads, durable: ${durable}`, async () => {
    const line = connect(process.env.LINE, { durable, WebSocket });
    const told = new Promise((tell) => line.addEventListener("durability", tell));
    const subscription = line.subscribe(crypto.randomUUID());
    await subscription.ready;
    await line.publish(subscription.topic, { text: "hello" });
    const { value } = await subscription[Symbol.asyncIterator]().next();
    expect(value.data).toEqual({ text: "hello" });
    if (durable) expect((await told).stored).toBe(false);
    await line.close();
    expect(line.state).toBe("closed");
  });
}
