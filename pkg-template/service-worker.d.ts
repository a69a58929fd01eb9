/**
 * As `tautline/inline`, for service workers: they forbid `import()`, by which the other entries load what
 * `durable` and `debug` ask for. Here all of it is inside.
 *
 * @module tautline/service-worker
 */

export * from "./index.js";
