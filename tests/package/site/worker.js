// A line inside a Web Worker: asks what it is asked, and tells the answer.
import { connect } from "/node_modules/tautline/index.js";

const line = connect("/line");
self.onmessage = async ({ data }) => self.postMessage(await line.request(data));
