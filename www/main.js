// Opens the line and hands it to the parts of the page.

import { connect } from "tautline";

import { openCompose } from "./compose.js";
import { EventLog } from "./eventlog.js";
import { randomId } from "./identity.js";
import { openIndicator } from "./indicator.js";
import { openLab } from "./lab.js";
import { openLoad } from "./load.js";
import { Room } from "./room.js";
import { Rope } from "./rope.js";
import { Transcript } from "./transcript.js";

const element = (id) => document.getElementById(id);

// New on every load, so a page that went offline is online again after a reload.
const labId = randomId();
const line = connect(`/line?lab=${labId}`);

const rope = new Rope(element("rope"));
const log = new EventLog(element("events"));
const transcript = new Transcript(element("stream"), element("messages"), element("newest"));
const room = new Room(line, transcript, log, rope);

openIndicator(line, log, rope);
const currentName = openCompose(element("compose"), room);
openLoad(element("burst"), element("talk"), (text) => room.say(currentName(), text));
openLab(labId, log);

const more = element("more");
more.addEventListener("click", () => {
  more.setAttribute("aria-expanded", String(more.getAttribute("aria-expanded") !== "true"));
});
