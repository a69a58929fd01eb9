/**
 * As `tautline`, with the WebAssembly inside the module: no second request, one file.
 *
 * @module tautline/inline
 */

export * from "./index.js";
