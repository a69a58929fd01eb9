/** As `tautline`, with the WebAssembly inside the module: no second request, one file. */
export * from "./index.js";
