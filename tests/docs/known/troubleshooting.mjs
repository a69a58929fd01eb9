// docs/troubleshooting.md has words only; `symptoms.test.mjs` looks for what they speak of.

export const troubleshooting = {};
