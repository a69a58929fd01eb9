// From pieces of code to modules: put together, checked by TypeScript, bundled.

import { spawnSync } from "node:child_process";
import { cp, mkdir, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const HERE = fileURLToPath(new URL(".", import.meta.url));
/** Where the packages are installed that the pieces import. */
const PACKAGES = {
  [join(HERE, "node_modules")]: ["@msgpack", "@types", "react", "react-dom"],
  [join(HERE, "../node_modules")]: ["graphql", "graphql-ws", "ws", "y-websocket", "yjs"],
};
const TYPES = [
  "--noEmit", "--strict", "--target", "esnext", "--lib", "esnext,dom,dom.iterable",
  "--module", "esnext", "--moduleResolution", "bundler", "--jsx", "react-jsx", "--skipLibCheck",
];
const LANGUAGES = ["js", "ts", "tsx"];

export const isScript = ({ language, html }) => LANGUAGES.includes(language) && !html;

/** The file that a piece of code becomes. All are checked as TypeScript. */
const fileOf = ({ id, file, language, after = "" }) => {
  const name = file ? basename(file, ".js") : id;
  return `${name}.${language === "tsx" || after.includes("<") ? "tsx" : "ts"}`;
};

/** Writes the modules of all scripts into `folder`, where the package is installed. */
export async function assemble(folder, scripts) {
  for (const [from, names] of Object.entries(PACKAGES)) {
    for (const name of names) await symlink(join(from, name), join(folder, "node_modules", name));
  }
  await mkdir(join(folder, "source"));
  await cp(join(HERE, "known/told.d.ts"), join(folder, "source/told.d.ts"));
  // What esbuild's loader for wasm files makes of an import.
  const wasm = 'declare module "tautline/tautline.wasm" { const url: string; export default url; }\n';
  await writeFile(join(folder, "source/wasm.d.ts"), wasm);
  for (const script of scripts) {
    const { before = "", code, after = "" } = script;
    const source = `${before}\n${code}\n${after}\nexport {};\n`;
    await writeFile(join(folder, "source", fileOf(script)), source);
  }
}

/** What TypeScript, in its strict mode, has to say; nothing if all is well. */
export function checkTypes(folder, scripts) {
  const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const files = ["told.d.ts", "wasm.d.ts", ...scripts.map(fileOf)];
  const command = [compiler, ...TYPES, ...files.map((file) => join(folder, "source", file))];
  const { stdout } = spawnSync(process.execPath, command, { cwd: folder, encoding: "utf8" });
  return stdout;
}

/** Bundles the modules as an application's build does, into `target`. */
export async function bundle(folder, scripts, target) {
  await build({
    entryPoints: scripts.map((script) => join(folder, "source", fileOf(script))),
    outdir: target,
    bundle: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    loader: { ".wasm": "file" },
    define: { "process.env.NODE_ENV": '"development"' },
    logLevel: "error",
  });
}
