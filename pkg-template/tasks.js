// Tasks of the event loop, in their order. The browser tells every event of a WebSocket in a task of
// its own: whoever waits with `await` for one message and then for the next relies on that.

const tasks = [];
let port;

/** Has `task` run in a task of its own, behind those that were given before. */
export function queueTask(task) {
  if (port === undefined) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => tasks.shift()();
    // In Node, a port that is listened to would keep the process from ending.
    port1.unref?.();
    port = port2;
  }
  tasks.push(task);
  port.postMessage(undefined);
}
