// What is built goes where the rest of the repository puts it.
export default { distDir: "target" };
