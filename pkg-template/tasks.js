// Tasks of the event loop, in their order. The browser tells every event of a WebSocket in a task of
// its own: whoever waits with `await` for one message and then for the next relies on that.

const tasks = [];
let port;

function queueByChannel(task) {
  if (port === undefined) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => tasks.shift()();
    port = port2;
  }
  tasks.push(task);
  port.postMessage(undefined);
}

/**
 * Runs `task` in a task of its own, after all tasks that were given before.
 *
 * Node, Deno and Bun have `setImmediate` for that: it keeps the process alive until the task has run. An open
 * MessageChannel would keep it alive for ever.
 */
export const queueTask = globalThis.setImmediate ?? queueByChannel;
