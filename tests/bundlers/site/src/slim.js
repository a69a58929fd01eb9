// The wasm brought by the caller, as a file that the bundler was told to treat as one.
import { connect, provide } from "tautline/slim";
import wasm from "tautline/tautline.wasm";

provide(new URL(wasm, import.meta.url));
connect("/line", { debug: true }).request("answered").then(
  (reply) => (document.body.dataset.told = reply),
  (error) => (document.body.dataset.told = `${error.name}: ${error.message}`),
);
