// The list of messages on the page: their order, their number and where the reader stands.

import { toneOf } from "./identity.js";
import { dayItem, messageItem, noteItem } from "./items.js";

const MOST_MESSAGES = 500;
const MOST_ITEMS = 600;
const AT_END_PX = 40;
const UPWARD = new Set(["ArrowUp", "PageUp", "Home"]);

/**
 * The list holds what the topic holds, in its order, and behind that the own messages that have not
 * come back from the topic yet (`data-pending`).
 */
export class Transcript {
  #stream;
  #list;
  #newest;
  #items = new Map();
  #lastDay = "";
  #atEnd = true;
  #scrollAsked = false;

  constructor(stream, list, newest) {
    this.#stream = stream;
    this.#list = list;
    this.#newest = newest;
    stream.addEventListener("scroll", () => this.#noticeScroll(), { passive: true });
    stream.addEventListener("wheel", ({ deltaY }) => deltaY < 0 && this.#leaveEnd(), {
      passive: true,
    });
    stream.addEventListener("keydown", ({ key }) => UPWARD.has(key) && this.#leaveEnd());
    new ResizeObserver(() => this.#atEnd && this.#askScroll()).observe(stream);
    newest.addEventListener("click", () => this.#showEnd());
  }

  /** Reads new messages out from now on. */
  announce() {
    this.#stream.setAttribute("aria-live", "polite");
  }

  shows(id) {
    return this.#items.has(id);
  }

  /** Shows an own message at the very end; moves it there if it is shown already. */
  addOwn(message) {
    this.#items.get(message.id)?.remove();
    const item = this.#create(message);
    item.dataset.pending = "";
    this.#list.append(item);
    this.#atEnd = true;
    this.#settle(item);
  }

  /** Shows a message where the topic has it: behind all that arrived before. */
  land(message) {
    const firstPending = this.#firstPending();
    let item = this.#items.get(message.id);
    const after = item?.nextElementSibling;
    item ??= this.#create(message);
    const { day } = item.dataset;
    const separator = day === this.#lastDay ? [] : [dayItem(message.at)];
    this.#lastDay = day;
    delete item.dataset.pending;
    // An item that is in place already stays, so that it is not read out a second time.
    const inPlace = item === firstPending;
    this.#insert(firstPending, ...separator, ...(inPlace ? [] : [item]));
    this.#group(after);
    this.#settle(item);
  }

  /** A line that nobody said, behind all that arrived before. */
  note(text) {
    const item = noteItem(text);
    this.#insert(this.#firstPending(), item);
    this.#settle(item);
  }

  /** Sets the delivery state of an own message. */
  mark(id, state) {
    const item = this.#items.get(id);
    if (item) {
      item.dataset.state = state;
      item.querySelector(".state").textContent = state;
      item.querySelector(".failure")?.remove();
    }
  }

  /** Says why an own message failed and what can be done. */
  fail(id, reason, actions) {
    this.mark(id, "failed");
    const failure = document.createElement("p");
    failure.className = "failure";
    failure.append(`${reason} `);
    for (const [label, act] of [["Retry", actions.retry], ["Discard", actions.discard]]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.addEventListener("click", act);
      failure.append(button);
    }
    this.#items.get(id)?.append(failure);
    this.#askScroll();
  }

  remove(id) {
    const item = this.#items.get(id);
    const after = item?.nextElementSibling;
    item?.remove();
    this.#items.delete(id);
    this.#group(after);
  }

  #create(message) {
    const item = messageItem(message, toneOf(message.name));
    this.#items.set(message.id, item);
    return item;
  }

  #firstPending() {
    return this.#list.querySelector(":scope > [data-pending]");
  }

  #insert(before, ...items) {
    for (const item of items) {
      this.#list.insertBefore(item, before);
    }
  }

  #settle(item) {
    this.#group(item);
    this.#group(item.nextElementSibling);
    this.#trim();
    if (this.#atEnd) {
      this.#askScroll();
    } else {
      this.#newest.hidden = false;
    }
  }

  /** A message says its author only where the author changes. */
  #group(item) {
    if (item?.dataset.name !== undefined) {
      const previous = item.previousElementSibling;
      item.classList.toggle("follows", previous?.dataset.name === item.dataset.name);
    }
  }

  #trim() {
    while (this.#items.size > MOST_MESSAGES || this.#list.childElementCount > MOST_ITEMS) {
      const oldest = this.#list.firstElementChild;
      oldest.remove();
      this.#items.delete(oldest.dataset.id);
      this.#group(this.#list.firstElementChild);
    }
  }

  /** The reader goes up: the end is left even if messages arrive in every frame. */
  #leaveEnd() {
    this.#atEnd = this.#stream.scrollHeight <= this.#stream.clientHeight;
  }

  #noticeScroll() {
    if (this.#scrollAsked && this.#atEnd) {
      // Messages came since the last frame, and this one ends with a scroll behind them.
      return;
    }
    const { scrollHeight, scrollTop, clientHeight } = this.#stream;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < AT_END_PX;
    if (this.#atEnd) {
      this.#newest.hidden = true;
    }
  }

  #showEnd() {
    this.#atEnd = true;
    this.#newest.hidden = true;
    this.#askScroll();
    this.#stream.focus({ preventScroll: true });
  }

  /** Scrolls once per frame, however many messages arrived in it. */
  #askScroll() {
    if (this.#scrollAsked) {
      return;
    }
    this.#scrollAsked = true;
    requestAnimationFrame(() => {
      this.#scrollAsked = false;
      if (this.#atEnd) {
        this.#stream.scrollTop = this.#stream.scrollHeight;
      }
    });
  }
}
