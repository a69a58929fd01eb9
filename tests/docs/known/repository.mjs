// What the tests do with the code in the repository's own README.

export const repository = {
  "Two commands": { commands: true },
  "First code": {
    server: "program",
    before: `console.log = (...given) => told(...given);`,
    // The piece below it publishes what this one reads.
    act: (page, { also }) => also(page, "First code 2"),
    tells: [{ text: "hi all" }],
  },
  "First code 2": {
    server: "program",
    before: `import { connect } from "tautline"; const line = connect("/line");`,
    after: `told("stored");`,
    tells: ["stored"],
  },
  "First code 3": { commands: true },
  "Running the server": { commands: true },
  "Running the server 2": { shows: "inspect" },
};
