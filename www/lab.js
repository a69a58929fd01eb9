// Breaking this tab's connection for real, through the demo's proxy.

const ACTIONS = {
  cut: "You cut the connection.",
  stall: "You stalled the connection: open, and silent.",
  offline: "You went offline: connections are refused.",
  online: "You are back online.",
};

/** Connects the buttons with the proxy, or says why there are none. */
export async function openLab(id, log) {
  const offline = document.getElementById("lab-offline");
  let isOffline = false;

  async function act(action) {
    const problem = await ask(id, action);
    if (problem) {
      log.add("lab", `The lab did not do "${action}": ${problem}`);
      return false;
    }
    log.add("lab", ACTIONS[action]);
    return true;
  }

  function showOffline(now) {
    isOffline = now;
    offline.textContent = now ? "Go online" : "Go offline";
  }

  document.getElementById("lab-cut").addEventListener("click", () => act("cut"));
  document.getElementById("lab-stall").addEventListener("click", () => act("stall"));
  offline.addEventListener("click", async () => {
    const wanted = !isOffline;
    if (await act(wanted ? "offline" : "online")) {
      showOffline(wanted);
    }
  });

  const { status, absent } = await look(id);
  if (absent) {
    document.getElementById("breakers").hidden = true;
    const notice = document.getElementById("lab-absent");
    notice.textContent = absent;
    notice.hidden = false;
    log.add("lab", absent);
  } else {
    showOffline(status.offline === true);
  }
}

async function look(id) {
  const advice = "Start it with cargo xtask demo to cut, stall and go offline here.";
  try {
    const answer = await fetch(`/lab/${id}`, { cache: "no-store" });
    if (!answer.ok || !answer.headers.get("content-type")?.includes("json")) {
      return { absent: `This page is served without the demo's proxy. ${advice}` };
    }
    return { status: await answer.json() };
  } catch (error) {
    return { absent: `The demo's proxy cannot be reached (${error.message}). ${advice}` };
  }
}

/** Returns what went wrong, or "" if the proxy has done it. */
async function ask(id, action) {
  try {
    const answer = await fetch(`/lab/${id}/${action}`, { method: "POST" });
    return answer.ok ? "" : `it answered ${answer.status} ${answer.statusText}.`;
  } catch (error) {
    return `${error.message}.`;
  }
}
