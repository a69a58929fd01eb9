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
 * Has `task` run in a task of its own, behind those that were given before. In Node, Deno and Bun it
 * is `setImmediate`: a channel would keep the process from ending, and this keeps it until the task
 * has run.
 */
export const queueTask = globalThis.setImmediate ?? queueByChannel;
