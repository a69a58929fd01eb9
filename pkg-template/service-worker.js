// For service workers, where `import()` is forbidden: all that a line may ask for is inside.

import { instantiate } from "./border.js";
import { connector } from "./connect.js";
import * as debug from "./debug.js";
import * as durable from "./durable.js";
import { brought } from "./extras.js";
import { once } from "./once.js";
import bytes from "./wasm/tautline.durable.inline.js";

export * from "./errors.js";

Object.assign(brought, { debug, durable });

export const connect = connector(once(() => instantiate(bytes())));
