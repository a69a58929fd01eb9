// docs/delivery.md has words and tables only.

export const delivery = {};
