// Who is talking: random ids, the chosen name, and the colour that goes with a name.

const NAME_KEY = "tautline-demo-name";
const TONES = 8;
const SUGGESTIONS = [
  "Belay", "Bight", "Bowline", "Halyard", "Hawser", "Lanyard", "Mainsheet", "Marlin",
  "Painter", "Prusik", "Shroud", "Splice",
];

/** 96 random bits in hex. `crypto.randomUUID` is missing on a page served over plain http. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The name kept for this tab, or "" on the first visit. */
export function storedName() {
  try {
    return sessionStorage.getItem(NAME_KEY) ?? "";
  } catch {
    // The browser blocks storage: the name then lasts as long as the page.
    return "";
  }
}

/** Keeps the name for this tab. */
export function storeName(name) {
  try {
    sessionStorage.setItem(NAME_KEY, name);
  } catch {
    // As above.
  }
}

/** A name to start with; the number keeps two tabs apart. */
export function suggestName() {
  const [word, number] = crypto.getRandomValues(new Uint32Array(2));
  return `${SUGGESTIONS[word % SUGGESTIONS.length]} ${10 + (number % 90)}`;
}

/** The same small number for the same name, in every tab. */
export function toneOf(name) {
  let hash = 2166136261;
  for (const character of name) {
    hash = Math.imul(hash ^ character.codePointAt(0), 16777619);
  }
  // The lowest bits alone would give similar names the same colour.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 13)) >>> 0) % TONES;
}
