// What an application's build starts from.
import { connect } from "tautline/inline";

import { tell } from "./tell.js";

tell(connect);
