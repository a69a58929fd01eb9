// What the pieces of code are run with.

/** Notes a value, or several as one text; the test compares what is noted with what it expects. */
declare function told(...values: unknown[]): void;

/** In a service worker, which the types of pages do not know. */
interface MessageEvent<T> {
  waitUntil(until: Promise<unknown>): void;
}
