// What a page downloads for socket.io; `cargo xtask size` measures it beside the package.
export { io } from "socket.io-client";
