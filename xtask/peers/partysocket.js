// What a page downloads for partysocket's reconnecting WebSocket; `cargo xtask size` measures it
// beside the package.
export { WebSocket } from "partysocket";
