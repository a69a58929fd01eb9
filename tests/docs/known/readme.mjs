// What the tests do with the code in the package's README.

export const readme = {
  Install: { commands: true },
  "Install 2": { commands: true },
  "Ten lines": {
    server: "program",
    before: `console.log = (...given) => told(...given);`,
    tells: [/^connecting /, /^open /, "hi all"],
  },
  "Your own logic": { doctest: true },
  "Your own logic 2": {
    server: "example",
    before: `import { connect } from "tautline";`,
    after: `told(answer); told(line.state);`,
    tells: ["how are you?", "closed"],
  },
  "Survive reloads": {
    server: "program",
    before: `import { connect } from "tautline";`,
    after: `line.addEventListener("settled", ({ data }) => told(data.text));`,
    tells: ["buy milk"],
  },
};
