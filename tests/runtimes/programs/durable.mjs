// A durable line where nothing can be stored: what it says, and that it works.

import { connect } from "tautline";

const line = connect(process.argv[2], { durable: "notes" });
const { stored, reason } = await new Promise((tell) => line.addEventListener("durability", tell));
console.log(`stored: ${stored}, ${reason}`);
console.log(await line.request("hello"));
await line.close();
