/**
 * As `tautline`, but the caller brings the WebAssembly: `tautline/tautline.wasm`, or, if some lines are
 * durable, `tautline/tautline.durable.wasm`, which can do all that the other one can.
 *
 * @module tautline/slim
 */

export * from "./index.js";

/**
 * Gives the WebAssembly to every line of this module: its URL, a Response, its bytes, a compiled
 * module, or a promise of one of these. Lines that were opened before wait for it.
 */
export function provide(
  wasm: string | URL | Request | Response | BufferSource | WebAssembly.Module | Promise<Response | BufferSource | WebAssembly.Module>,
): Promise<void>;
