// Codes with which a WebSocket closes (PROTOCOL.md, "Close codes").

/** A connection that was never there. */
export const ABNORMAL = 1006;
/** A connection that another one replaces. */
export const REPLACED = 4005;
/** A connection whose session will be taken up again. */
export const SUSPENDED = 4007;
