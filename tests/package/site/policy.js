// Under a policy: one request by the entry that the address names, and the page tells what came.
const { connect } = await import(`/node_modules/tautline/${location.search.slice(1)}.js`);
connect("/line").request("answered").then(
  (reply) => (document.body.dataset.told = reply),
  (error) => (document.body.dataset.told = String(error)),
);
