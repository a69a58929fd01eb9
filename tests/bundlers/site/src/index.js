// What an application's build starts from.
import { connect } from "tautline";

import { tell } from "./tell.js";

tell(connect);
