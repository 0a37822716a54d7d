// The picture that is looked at stands in the address: Back closes it, Forward and a link open it again. The server
// is not asked: it never sees what follows the #.
const LOOKING = (globalThis[Symbol.for("benzer.looking")] ??= startLooking());

function startLooking() {
  const began = { id: lookedAt(location.hash), grids: new Set() };
  for (const event of ["pointerdown", "keydown"]) addEventListener(event, () => (began.id = undefined), true);
  return began;
}

function lookedAt(hash) {
  const found = /^#look=(\d+)$/.exec(hash);
  return found ? Number(found[1]) : undefined;
}

class LookAddress {
  // `open(id)` says whether the picture is there to be looked at, `close()` does nothing if none is.
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

  shown(id) {
    const there = lookedAt(location.hash);
    if (there === undefined && !this.linked) history.pushState({ ...history.state, looked: true }, "", `#look=${id}`);
    else if (there !== id) history.replaceState(history.state, "", `#look=${id}`);
  }

  // Back to the address from which a picture was looked at; a link was followed from anywhere.
  closed() {
    if (lookedAt(location.hash) === undefined) return;
    if (!history.state?.looked) return history.replaceState(history.state, "", location.pathname + location.search);
    this.own = true;
    setTimeout(() => (this.own = false), 1000);
    history.back();
  }

  openLinked() {
    if (LOOKING.id === undefined) return;
    this.linked = true;
    if (this.open(LOOKING.id)) LOOKING.id = undefined;
    this.linked = false;
  }

  follow(event) {
    const id = lookedAt(location.hash);
    if (this.own) {
      this.own = false;
      event.stopImmediatePropagation(); // the search is the same: nothing to ask the server
    } else if (id === undefined) this.close();
    else {
      // The framework ignores addresses with a #, but the search may be another one than before.
      history.replaceState(history.state, "", location.pathname + location.search);
      LOOKING.id = id;
      setTimeout(() => LOOKING.grids.forEach((grid) => grid.openLinked()));
    }
  }
}
