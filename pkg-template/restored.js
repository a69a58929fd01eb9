// Messages whose promises are gone with an earlier life of their page, or whose promises have settled
// because they were stored.

const TEXT = 0;
const KINDS = ["send", "request", "publish"];
/** Nobody waits for it. */
const nobody = Promise.resolve();

/** What the application is told of a stored message. */
export function describe(decode, codec, { kind, topic, format, payload }) {
  let data;
  try {
    data = decode(codec, format, payload);
  } catch {
    // The page has another codec than the one that sent it.
  }
  return { kind: KINDS[kind], ...(topic ? { topic: decode(codec, TEXT, topic) } : {}), data };
}

/** A message as the line knows it, from its record; `told` gets how it ends. */
export function restored(order, record, isTransmitted, told) {
  const { expires } = record;
  const message = { ...record, order, record, promise: nobody };
  // What has been transmitted does not expire any more.
  if (expires && !isTransmitted) message.expiresAt = performance.now() + expires - Date.now();
  message.resolve = (reply) => told(reply === undefined ? {} : { reply });
  message.reject = (error) => told({ error });
  return message;
}
