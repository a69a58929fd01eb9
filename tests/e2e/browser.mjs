// A browser without a screen: the one that `cargo xtask test` names in TAUTLINE_BROWSER.

import puppeteer from "puppeteer-core";

import { setting } from "./processes.mjs";
import { WebKit } from "./webkit.mjs";

/** On top of puppeteer's own, which keep pages in the background awake. */
const CHROMIUM_FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update",
];
/** Timers of pages in the background run as in front: puppeteer does the same to Chromium. */
const FIREFOX_PREFERENCES = {
  "dom.min_background_timeout_value": 4,
  "dom.min_background_timeout_value_without_budget_throttling": 4,
  "dom.timeout.enable_budget_timer_throttling": false,
};

const STARTS = 3;

/** The browser's name: `chromium`, `firefox` or `webkit`. */
export const BROWSER = setting("TAUTLINE_BROWSER");

/**
 * What Firefox reports as if a script had thrown it: a connection that did not come about or was
 * cut, and what a policy forbids.
 */
const NOT_THROWN = [
  /^Firefox can.t establish a connection to the server at wss?:/,
  /^The connection to wss?:.* was interrupted/,
  /^Content-Security-Policy: .* blocked (WebAssembly|the loading of a resource \(connect-src\))/,
];

/**
 * Starts it with an empty profile in the folder `profile`, which need not exist; `flags` are more
 * for Chromium, `more` are options of puppeteer.
 */
export async function launchBrowser(profile, { flags = [], ...more } = {}) {
  if (BROWSER === "webkit") return new WebKit();
  const executablePath = setting("TAUTLINE_BROWSER_PROGRAM");
  const options = { headless: true, userDataDir: profile, executablePath, ...more };
  const own =
    BROWSER === "firefox"
      ? { browser: "firefox", extraPrefsFirefox: FIREFOX_PREFERENCES }
      : { args: [...CHROMIUM_FLAGS, ...flags] };
  for (let left = STARTS - 1; ; left -= 1) {
    try {
      return await puppeteer.launch({ ...options, ...own });
    } catch (error) {
      // One start in hundreds ends before the browser says anything, by a signal.
      if (left === 0) throw error;
      console.warn(`${BROWSER} did not start, and is started again: ${error.message}`);
    }
  }
}

/** Hands the message of everything that a script in the page throws to `note`. */
export function watchErrors(page, note) {
  page.on("pageerror", ({ message }) => {
    if (!NOT_THROWN.some((known) => known.test(message))) note(message);
  });
}
