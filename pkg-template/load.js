// From whatever names or holds the WebAssembly to a compiled module.

/** Takes a URL, a Request, a Response, bytes or a module, or a promise of one. */
export async function compile(wasm) {
  let source = await wasm;
  if (source instanceof WebAssembly.Module) return source;
  if (typeof source === "string" || source instanceof URL || source instanceof Request) {
    source = await fetch(source);
  }
  if (source instanceof Response) {
    if (!source.ok) throw new Error(`${source.url} answered with status ${source.status}`);
    // Not streaming: that insists on a MIME type which many servers get wrong, for no gain at 40 kB.
    source = await source.arrayBuffer();
  }
  return WebAssembly.compile(source);
}
