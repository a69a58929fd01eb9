// One line for all pages of the site: asks what a page asks, and tells the answer and its counts.
import { connect } from "/node_modules/tautline/index.js";

const line = connect("/line");
let pages = 0;
self.onconnect = ({ ports: [port] }) => {
  pages += 1;
  port.onmessage = async ({ data }) => {
    const reply = await line.request(data);
    port.postMessage({ reply, pages, connections: line.stats().connections });
  };
};
