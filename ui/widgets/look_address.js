// The picture that is looked at stands in the address: Back closes it, Forward and a link open it again. The server
// is not asked: it never sees what follows the #.
const LOOKING = (globalThis[Symbol.for("benzer.looking")] ??= startLooking());

function startLooking() {
  const began = { linked: lookedAt(location.hash), grids: new Set() };
  for (const event of ["pointerdown", "keydown"]) addEventListener(event, () => (began.linked = undefined), true);
  return began;
}

// "#look=12" for a result, "#look=browse-12" where all pictures are shown: the same picture may be in both.
function lookedAt(hash) {
  const found = /^#look=(?:([a-z]+)-)?(\d+)$/.exec(hash);
  return found ? { kind: found[1] || "answers", id: Number(found[2]) } : undefined;
}

class LookAddress {
  // `open(kind, id)` says whether the picture is there to be looked at, `close()` does nothing if none is.
  constructor(open, close) {
    Object.assign(this, { open, close });
    this.moved = (event) => this.follow(event);
  }

  listen() {
    LOOKING.grids.add(this);
    addEventListener("popstate", this.moved, true); // before the framework, which listens later
  }

  rest() {
    LOOKING.grids.delete(this);
    removeEventListener("popstate", this.moved, true);
  }

  shown(kind, id) {
    const wanted = kind === "answers" ? `#look=${id}` : `#look=${kind}-${id}`;
    if (!lookedAt(location.hash) && !this.linked) history.pushState({ ...history.state, looked: true }, "", wanted);
    else if (location.hash !== wanted) history.replaceState(history.state, "", wanted);
  }

  // Back to the address from which a picture was looked at; a link was followed from anywhere.
  closed() {
    if (!lookedAt(location.hash)) return;
    if (!history.state?.looked) return history.replaceState(history.state, "", location.pathname + location.search);
    this.own = true;
    setTimeout(() => (this.own = false), 1000);
    history.back();
  }

  openLinked() {
    if (!LOOKING.linked) return;
    this.linked = true;
    if (this.open(LOOKING.linked.kind, LOOKING.linked.id)) LOOKING.linked = undefined;
    this.linked = false;
  }

  follow(event) {
    const there = lookedAt(location.hash);
    if (this.own) {
      this.own = false;
      event.stopImmediatePropagation(); // the search is the same: nothing to ask the server
    } else if (!there) this.close();
    else {
      // The framework ignores addresses with a #, but the search may be another one than before.
      history.replaceState(history.state, "", location.pathname + location.search);
      LOOKING.linked = there;
      setTimeout(() => LOOKING.grids.forEach((grid) => grid.openLinked()));
    }
  }
}
