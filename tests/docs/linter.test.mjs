// The React in the documents, before the linter that React's own people give for hooks.

import assert from "node:assert/strict";
import { test } from "node:test";

import parser from "@typescript-eslint/parser";
import { Linter } from "eslint";
import hooks from "eslint-plugin-react-hooks";

import { gather } from "./snippets.mjs";

const FILES = { files: ["**/*.tsx"], languageOptions: { parser } };
const { rules } = hooks.configs.flat["recommended-latest"];
const CONFIG = [{ ...FILES, plugins: { "react-hooks": hooks }, rules }];

/** What the linter has to say, each with its rule. */
const lint = (code) =>
  new Linter()
    .verify(code, CONFIG, { filename: "component.tsx" })
    .map(({ line, message, ruleId }) => `${line}: ${ruleId}: ${message.split("\n")[0]}`);

test("the linter is awake", () => {
  const wrong = `import { useEffect, useState } from "react";
    export function Wrong({ at }: { at: number }) {
      const [now, setNow] = useState(0);
      useEffect(() => setNow(at), []);
      return <p>{now}</p>;
    }`;
  const rules = lint(wrong).map((text) => text.split(": ")[1]);
  assert.ok(rules.includes("react-hooks/exhaustive-deps"), rules.join());
  assert.ok(rules.includes("react-hooks/set-state-in-effect"), rules.join());
});

test("the React in the documents has nothing that the linter minds", async () => {
  const { snippets } = await gather();
  const components = snippets.filter(({ language }) => language === "tsx");
  assert.ok(components.length >= 2, `only ${components.length}`);
  for (const { document, key, code } of components) {
    assert.deepEqual(lint(code), [], `${document}, ${key}`);
  }
});
