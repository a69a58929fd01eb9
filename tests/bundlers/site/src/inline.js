// What an application's build starts from: one line, and the page tells what came of it.
import { connect } from "tautline/inline";

connect("/line", { debug: true }).request("answered").then(
  (reply) => (document.body.dataset.told = reply),
  (error) => (document.body.dataset.told = `${error.name}: ${error.message}`),
);
