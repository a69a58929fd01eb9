// What the tests do with the code in docs/migrating.md.

const LOG = `console.log = (...given) => told(...given);`;
const TOKEN = `const fetchToken = async () => "s3cret";`;

export const migrating = {
  "From WebSocket": { server: "echo", before: LOG, tells: ["hello"] },
  "From reconnecting-websocket or partysocket": {
    server: "echo",
    before: LOG + TOKEN,
    tells: ["connecting", "open", "hello"],
  },
  "From socket.io": {
    server: "token",
    before: `${TOKEN} const show = told;`,
    tells: [{ text: "hi" }],
  },
};
