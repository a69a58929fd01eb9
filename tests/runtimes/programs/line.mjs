// A line with the WebSocket of the runtime.

import { connect } from "tautline";

import { talk } from "../../package/talk.mjs";

await talk(connect);
