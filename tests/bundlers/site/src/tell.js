// Has the page tell what came of a line and of a durable one.

export async function tell(connect) {
  const { dataset } = document.body;
  try {
    const reply = await connect("/line", { debug: true }).request("answered");
    const durable = connect("/line", { durable: "bundled" });
    const { stored, reason } = await new Promise((resolve) =>
      durable.addEventListener("durability", resolve),
    );
    await durable.send("stored", { until: "stored" });
    dataset.told = stored ? reply : reason;
  } catch (error) {
    dataset.told = `${error.name}: ${error.message}`;
  }
}
