// The line as a rope: taut when open, slack while connecting, in two when there is none.

const SVG = "http://www.w3.org/2000/svg";
const INSET_PX = 7;
const STEP_S = 0.004;
const LONGEST_FRAME_S = 0.032;
const STIFFNESS = 420;
const DAMPING = 11;
const AT_REST = 0.0005;
const BEAD_S = 0.55;
const MOST_BEADS = 16;

/** `reach`: how far each half comes from its post, 0.5 being the middle; `drop`: how deep it hangs. */
const POSES = {
  open: { reach: 0.5, drop: 0 },
  connecting: { reach: 0.5, drop: 0.62 },
  waiting: { reach: 0.34, drop: 0.82 },
  closed: { reach: 0.1, drop: 0.4 },
};

export class Rope {
  #svg;
  #left = path("rope");
  #right = path("rope");
  #posts = [circle("post", 5), circle("post", 5)];
  #frays = [circle("fray", 3.5), circle("fray", 3.5)];
  #beads = [];
  #width = 0;
  #height = 0;
  #reach = { at: POSES.connecting.reach, speed: 0, target: POSES.connecting.reach };
  #drop = { at: POSES.connecting.drop, speed: 0, target: POSES.connecting.drop };
  #lastFrame = 0;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  constructor(svg) {
    this.#svg = svg;
    svg.append(this.#left, this.#right, ...this.#frays, ...this.#posts);
    new ResizeObserver(() => this.#measure()).observe(svg);
    this.#measure();
  }

  /** Takes the shape of a state of the line. */
  pose(state) {
    this.#reach.target = POSES[state].reach;
    this.#drop.target = POSES[state].drop;
    if (this.#calm.matches) {
      for (const spring of [this.#reach, this.#drop]) {
        spring.at = spring.target;
        spring.speed = 0;
      }
      this.#draw();
    } else {
      this.#start();
    }
  }

  /** Shows a message passing, `"up"` to the server or `"down"` from it. */
  carry(direction) {
    if (this.#calm.matches || document.hidden || this.#beads.length >= MOST_BEADS) {
      return;
    }
    const bead = { mark: circle("bead", 4), direction, at: 0 };
    bead.mark.dataset.direction = direction;
    this.#beads.push(bead);
    this.#svg.append(bead.mark);
    this.#start();
  }

  #measure() {
    this.#width = this.#svg.clientWidth;
    this.#height = this.#svg.clientHeight;
    this.#svg.setAttribute("viewBox", `0 0 ${this.#width} ${this.#height}`);
    this.#draw();
  }

  #start() {
    if (this.#lastFrame === 0) {
      this.#lastFrame = performance.now();
      requestAnimationFrame((now) => this.#frame(now));
    }
  }

  #frame(now) {
    const elapsed = Math.min(Math.max(0, (now - this.#lastFrame) / 1000), LONGEST_FRAME_S);
    for (let done = 0; done < elapsed; done += STEP_S) {
      step(this.#reach, 2);
      step(this.#drop, 1);
    }
    this.#moveBeads(elapsed);
    this.#draw();
    if (atRest(this.#reach) && atRest(this.#drop) && this.#beads.length === 0) {
      this.#lastFrame = 0;
      return;
    }
    this.#lastFrame = now;
    requestAnimationFrame((next) => this.#frame(next));
  }

  #moveBeads(elapsed) {
    for (const bead of this.#beads) {
      bead.at += elapsed / BEAD_S;
      if (bead.at >= 1 || this.#reach.at < 0.45) {
        bead.mark.remove();
        bead.at = 1;
      }
    }
    this.#beads = this.#beads.filter((bead) => bead.at < 1);
  }

  #draw() {
    const span = this.#width - 2 * INSET_PX;
    const top = this.#top();
    const reach = Math.min(0.5, this.#reach.at) * span;
    const bottom = top + this.#depth();
    const [left, right] = [INSET_PX, this.#width - INSET_PX];
    this.#left.setAttribute("d", half(left, top, left + reach, bottom));
    this.#right.setAttribute("d", half(right, top, right - reach, bottom));
    place(this.#posts[0], left, top);
    place(this.#posts[1], right, top);
    place(this.#frays[0], left + reach, bottom);
    place(this.#frays[1], right - reach, bottom);
    const parted = this.#reach.at < 0.49;
    this.#frays.forEach((fray) => fray.classList.toggle("parted", parted));
    for (const bead of this.#beads) {
      const along = bead.direction === "up" ? bead.at : 1 - bead.at;
      const sag = 1 - (2 * along - 1) ** 2;
      place(bead.mark, left + along * span, top + sag * this.#depth());
    }
  }

  #top() {
    return this.#height * 0.3;
  }

  #depth() {
    return this.#drop.at * this.#height * 0.62;
  }
}

/** From a post down to an end where the rope lies level: two of them meeting make one curve. */
function half(fromX, fromY, toX, toY) {
  return `M${fromX} ${fromY}Q${(fromX + toX) / 2} ${toY} ${toX} ${toY}`;
}

function step(spring, firmness) {
  const pull = (spring.target - spring.at) * STIFFNESS;
  spring.speed += (pull - spring.speed * DAMPING * firmness) * STEP_S;
  spring.at += spring.speed * STEP_S;
}

function atRest({ at, speed, target }) {
  return Math.abs(target - at) < AT_REST && Math.abs(speed) < AT_REST * 20;
}

function place(mark, x, y) {
  mark.setAttribute("cx", x.toFixed(1));
  mark.setAttribute("cy", y.toFixed(1));
}

function path(className) {
  const mark = document.createElementNS(SVG, "path");
  mark.setAttribute("class", className);
  return mark;
}

function circle(className, radius) {
  const mark = document.createElementNS(SVG, "circle");
  mark.setAttribute("class", className);
  mark.setAttribute("r", radius);
  return mark;
}
