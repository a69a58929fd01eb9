// More talk than hands can type, so that a cut hits something.

const BURST = 100;
const TALK_EVERY_MS = 200;

/** Connects the burst button and the talk switch with `say(text)`. */
export function openLoad(burst, talk, say) {
  let bursts = 0;
  let spoken = 0;
  let timer;

  burst.addEventListener("click", () => {
    bursts += 1;
    for (let number = 1; number <= BURST; number += 1) {
      say(`Burst ${bursts}: ${number} of ${BURST}`);
    }
  });

  const follow = () => {
    clearInterval(timer);
    if (talk.checked) {
      timer = setInterval(() => say(`Still talking: ${(spoken += 1)}`), TALK_EVERY_MS);
    }
  };
  talk.addEventListener("change", follow);
  // A reloaded page may restore the switch; it starts silent.
  talk.checked = false;
}
