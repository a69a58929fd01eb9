// The wasm brought by the caller, as a file that the bundler was told to treat as one.
import { connect, provide } from "tautline/slim";
import wasm from "tautline/tautline.durable.wasm";

import { tell } from "./tell.js";

provide(new URL(wasm, import.meta.url));
tell(connect);
