// The name field and the message field.

import { storedName, storeName, suggestName } from "./identity.js";

/** Connects the form with the room. Returns a function that reads the current name. */
export function openCompose(form, room) {
  const name = form.querySelector("#name");
  const text = form.querySelector("#text");
  const suggested = suggestName();
  const currentName = () => name.value.trim() || suggested;

  name.placeholder = suggested;
  name.value = storedName() || suggested;
  name.addEventListener("input", () => storeName(currentName()));
  name.addEventListener("blur", () => (name.value = currentName()));
  name.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      text.focus();
    }
  });

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const words = text.value.trim();
    if (words !== "") {
      storeName(currentName());
      room.say(currentName(), words);
      text.value = "";
    }
    text.focus();
  });

  if (storedName() === "") {
    name.focus();
    name.select();
  } else {
    text.focus();
  }
  return currentName;
}
