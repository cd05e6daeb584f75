"use strict";

const element = (id) => document.getElementById(id);
const STATES = ["", "degraded", "unusable"]; // by status

class Report {
  constructor({ settings, cameras }) {
    Object.assign(this, { settings, cameras });
    this.view = new BirdsEye(element("plane"), settings);
    this.player = new Player(element("video"), {
      onFrame: (frame) => this.showFrame(frame),
      onPlaying: (playing) => showPlaying(playing),
      onTrouble: (words) => note(element("videoTrouble"), words),
    });
    cameras.forEach((camera, index) => element("camera").add(new Option(camera.topic, index)));
    element("chooser").hidden = cameras.length < 2;
    this.pointer = null;
    this.listen();
    this.showCamera(0);
  }

  showCamera(index) {
    this.camera = this.cameras[index];
    for (const figures of document.querySelectorAll("[data-camera]")) {
      figures.hidden = Number(figures.dataset.camera) !== index;
    }
    element("video").style.aspectRatio = this.camera.size.join(" / ");
    element("slider").max = this.camera.frames.length - 1;
    this.view.show(this.camera);
    const onGround = this.view.plane.onGround;
    element("aboveTitle").textContent = onGround
      ? `From above, in metres of ${this.camera.frameId}` : "Foot points in the image, in pixels";
    this.markTimeline();
    this.writeLegend();
    this.player.load(this.camera);
    // The texts have made room for themselves now.
    this.view.resize();
    this.redraw();
  }

  showFrame(index) {
    const frame = this.camera.frames[index], count = this.camera.frames.length;
    this.view.draw(index);
    element("slider").value = index;
    const place = `frame ${index + 1} of ${count}, ${frame.t.toFixed(2)} s`;
    element("place").textContent = place;
    element("slider").setAttribute("aria-valuetext", place);
    const people = `${frame.who.length} ${frame.who.length === 1 ? "person" : "people"}`;
    element("plane").setAttribute("aria-label",
      `${element("aboveTitle").textContent}: ${people}, as in the table below`);
    const state = frame.st ? `${STATES[frame.st]}: ${frame.say}` : "";
    element("state").textContent =
      [state, frame.new && `restarted: ${frame.new}`].filter(Boolean).join("; ");
    note(element("groundTrouble"), frame.g ? "" : `Nothing in metres: ${frame.no}.`);
    this.writePeople(frame);
    this.showTip();
  }

  markTimeline() {
    const { frames } = this.camera, last = Math.max(frames.length - 1, 1), marks = element("marks");
    marks.replaceChildren();
    const mark = (name, from, to) => {
      const piece = document.createElement("i"), ends = [from - 0.5, to + 0.5];
      const [left, right] = ends.map((end) => 100 * Math.min(Math.max(end / last, 0), 1));
      piece.className = name;
      piece.style.left = `${left}%`;
      piece.style.width = `${right - left}%`;
      marks.append(piece);
    };
    const runs = (nameOf, prefix) => {
      let from = 0;
      for (let index = 1; index <= frames.length; index++) {
        const name = nameOf(frames[from]);
        if (index < frames.length && nameOf(frames[index]) === name) continue;
        if (name) mark(prefix + name, from, index - 1);
        from = index;
      }
    };
    runs((frame) => STATES[frame.st || 0], "");
    runs((frame) => ALERTS[Math.max(0, ...frame.who.map((one) => one.a || 0))], "near ");
    frames.forEach((frame, index) => {
      if (!frame.new) return;
      mark("restart", index, index);
      Object.assign(marks.lastChild.style, { left: `${100 * index / last}%`, width: "" });
    });
  }

  writeLegend() {
    const { frames } = this.camera, { near, alertSeconds, share } = this.settings;
    const pieces = [];
    const tell = (kind, words) => {
      const swatch = document.createElement("b");
      swatch.className = kind;
      pieces.push(swatch, words);
    };
    if (this.view.plane.onGround) {
      tell("ring now", `within ${near} m in less than ${alertSeconds[1]} s`);
      tell("ring soon", `in less than ${alertSeconds[0]} s`);
    }
    const number = (status) => frames.filter((frame) => frame.st === status).length;
    if (number(1)) tell("degraded", `degraded (${number(1)} frames)`);
    if (number(2)) tell("unusable", `unusable (${number(2)} frames)`);
    const restarts = frames.filter((frame) => frame.new).length;
    if (restarts) tell("restart", `restart (${restarts})`);
    pieces.push(`${pieces.length ? ". " : ""}Thin line: the last ${TRAIL_SECONDS} s. Thick line: `
      + `predicted, with ${Math.round(100 * share)} % ellipses now and at whole seconds.`
      + `${this.view.plane.onGround ? " Arrow: one second at the present velocity." : ""}`);
    element("legend").replaceChildren(...pieces);
  }

  writePeople(frame) {
    const onGround = this.view.plane.onGround;
    const head = ["person", "score", ...(onGround
      ? ["distance", "speed", "heading", "closest in", "closest at"] : ["foot x", "foot y"]), ""];
    const table = element("people"), row = document.createElement("tr");
    row.append(...head.map((name, column) => cell("th", name, column && name ? "n" : "", "col")));
    table.tHead.replaceChildren(row);
    const sorted = [...frame.who].sort((a, b) => distance(a) - distance(b) || a.i - b.i);
    table.tBodies[0].replaceChildren(...sorted.map((one) => {
      const line = document.createElement("tr"), name = cell("th", String(one.i), "", "row");
      const dot = document.createElement("span");
      dot.className = "dot";
      dot.style.background = this.view.colourOf(one);
      name.prepend(dot);
      line.className = [ALERTS[one.a || 0], one.i === this.view.chosen && "chosen"]
        .filter(Boolean).join(" ");
      line.dataset.person = one.i;
      const numbers = onGround && frame.g ? groundNumbers(one)
        : onGround ? ["", "", "", "", ""] : one.w ? one.w[0].map((value) => value.toFixed(1)) : ["", ""];
      const words = [
        one.a && `near ${one.a === 2 ? "at once" : "soon"}`,
        one.c && "not detected",
        one.why,
      ].filter(Boolean).join("; ");
      line.append(name, cell("td", `${one.s} %`, "n"),
        ...numbers.map((number) => cell("td", number, "n")), cell("td", words, "words"));
      return line;
    }));
  }

  choose(identity) {
    if (identity === this.view.chosen) return;
    this.view.chosen = identity;
    for (const line of element("people").tBodies[0].rows) {
      line.classList.toggle("chosen", Number(line.dataset.person) === identity);
    }
    this.view.draw(this.player.frame);
  }

  showTip() {
    const tip = element("tip"), one = this.pointer && this.view.personAt(this.pointer);
    tip.hidden = !one;
    if (!one) return;
    tip.textContent = tipLines(one, this.view.plane.onGround).join("\n");
    const [x, y] = this.view.plane.toScreen(one.w[0]), { width, height } = this.view.plane;
    const left = x + 18 + tip.offsetWidth < width ? x + 18 : x - 18 - tip.offsetWidth;
    tip.style.left = `${Math.max(left, 4)}px`;
    tip.style.top = `${Math.min(Math.max(y + 12, 4), height - tip.offsetHeight - 4)}px`;
  }

  redraw() {
    this.view.draw(this.player.frame);
    this.showTip();
  }

  zoom(factor, at = [this.view.plane.width / 2, this.view.plane.height / 2]) {
    this.view.plane.zoom(factor, at);
    this.redraw();
  }

  fit() {
    this.view.fit();
    this.redraw();
  }

  listen() {
    const { player } = this, canvas = element("plane");
    const on = (id, kind, action) => element(id).addEventListener(kind, action);
    on("camera", "change", (event) => this.showCamera(Number(event.target.value)));
    on("play", "click", () => player.toggle());
    on("back", "click", () => player.step(-1));
    on("on", "click", () => player.step(1));
    on("slider", "input", (event) => player.seek(Number(event.target.value)));
    on("speed", "change", (event) => player.setSpeed(Number(event.target.value)));
    on("zoomIn", "click", () => this.zoom(1.4));
    on("zoomOut", "click", () => this.zoom(1 / 1.4));
    on("zoomFit", "click", () => this.fit());
    document.addEventListener("keydown", (event) => this.press(event));
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-0.0015 * event.deltaY), [event.offsetX, event.offsetY]);
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      canvas.classList.add("dragged");
    });
    canvas.addEventListener("pointerup", () => canvas.classList.remove("dragged"));
    canvas.addEventListener("pointermove", (event) => {
      this.pointer = [event.offsetX, event.offsetY];
      if (canvas.classList.contains("dragged")) {
        this.view.plane.drag(event.movementX, event.movementY);
        this.redraw();
      } else {
        const one = this.view.personAt(this.pointer);
        this.choose(one ? one.i : null);
        this.showTip();
      }
    });
    canvas.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.choose(null);
      this.showTip();
    });
    element("people").addEventListener("mouseover", (event) => {
      const line = event.target.closest("tbody tr");
      this.choose(line ? Number(line.dataset.person) : null);
    });
    element("people").addEventListener("mouseleave", () => this.choose(null));
    new ResizeObserver(() => {
      this.view.resize();
      this.redraw();
    }).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  press(event) {
    if (event.target.tagName === "SELECT" || event.ctrlKey || event.metaKey || event.altKey) return;
    // A button that has the focus takes the space bar itself.
    if (event.key === " " && event.target.tagName === "BUTTON") return;
    const { player } = this, stride = event.shiftKey ? 10 : 1;
    const action = {
      " ": () => player.toggle(),
      ArrowLeft: () => player.step(-stride),
      ArrowRight: () => player.step(stride),
      Home: () => player.step(-Infinity),
      End: () => player.step(Infinity),
      "+": () => this.zoom(1.4),
      "-": () => this.zoom(1 / 1.4),
      0: () => this.fit(),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}

function distance(one) {
  return one.w && one.v ? Math.hypot(...one.w[0]) : Infinity;
}

function groundNumbers(one) {
  if (!one.w) return ["", "", "", "", ""];
  const [seconds, metres] = one.n || [];
  return [
    `${Math.hypot(...one.w[0]).toFixed(2)} m`,
    one.v ? `${Math.hypot(...one.v).toFixed(2)} m/s` : "",
    one.v ? heading(one.v) : "",
    one.n ? (seconds < 0.05 ? "now" : `${seconds.toFixed(1)} s`) : "",
    one.n ? `${metres.toFixed(2)} m` : "",
  ];
}

/* From x towards y, REP-103: to the left is positive. */
function heading([x, y]) {
  const degrees = Math.round(Math.atan2(y, x) * 180 / Math.PI);
  return `${degrees > 0 ? "+" : degrees < 0 ? "\u2212" : ""}${Math.abs(degrees)}\u00b0`;
}

function tipLines(one, onGround) {
  const who = `person ${one.i}, ${one.s} %${one.c ? ", predicted" : ""}`;
  const [x, y] = one.w[0];
  if (!onGround) return [who, `foot ${x.toFixed(1)}, ${y.toFixed(1)} px`];
  const [far, speed, towards, seconds, metres] = groundNumbers(one);
  return [
    who,
    `x ${x.toFixed(2)} m, y ${y.toFixed(2)} m`,
    `distance ${far}`,
    speed && `speed ${speed}, heading ${towards}`,
    one.n && `closest ${metres}, ${seconds === "now" ? "now" : `in ${seconds}`}`,
    one.h && `height ${one.h.toFixed(2)} m`,
  ].filter(Boolean);
}

function cell(kind, text, className, scope) {
  const made = document.createElement(kind);
  made.textContent = text;
  made.className = className;
  if (scope) made.scope = scope;
  return made;
}

function note(place, words) {
  place.textContent = words;
  place.hidden = !words;
}

function showPlaying(playing) {
  element("play").setAttribute("aria-label", playing ? "Pause" : "Play");
  element("playIcon").setAttribute("d", playing ? "M4 2h3v12H4zM9 2h3v12H9z" : "M4 2l10 6-10 6z");
}

const data = JSON.parse(element("data").textContent);
element("views").hidden = element("peoplePart").hidden = !data.cameras.length;
element("nothing").hidden = data.cameras.length > 0;
const report = data.cameras.length ? new Report(data) : null;
