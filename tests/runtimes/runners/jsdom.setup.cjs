// The line of docs/recipes.md for Jest with jsdom, which has no TextDecoder of its own.
Object.assign(globalThis, require("node:util"));
