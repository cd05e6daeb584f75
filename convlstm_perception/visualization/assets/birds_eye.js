"use strict";

const TRAIL_SECONDS = 3;
const FONT = "12px system-ui, sans-serif";
const ALERTS = ["", "soon", "now"]; // by level: names of the colours in the style sheet

/* Draws the people of a frame from above. */
class BirdsEye {
  constructor(canvas, settings) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.settings = settings;
    this.chosen = null; // id of the person that is pointed at
  }

  show(camera) {
    this.camera = camera;
    this.plane = new Plane(camera.frames.some((frame) => frame.g));
    this.resize();
  }

  /* To the canvas's size; what somebody has chosen to see stays. */
  resize() {
    const { clientWidth, clientHeight } = this.canvas, ratio = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(clientWidth * ratio);
    this.canvas.height = Math.round(clientHeight * ratio);
    this.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    [this.plane.width, this.plane.height] = [clientWidth, clientHeight];
    if (!this.plane.moved) this.fit();
  }

  fit() {
    this.plane.moved = false;
    if (!this.plane.onGround) {
      this.plane.fit([0, 0], this.camera.size);
      return;
    }
    const places = this.camera.frames.flatMap((frame) =>
      frame.g ? frame.who.filter((one) => one.w).flatMap((one) => [one.w[0], one.w.at(-1)]) : []);
    const around = this.settings.near + 0.3;
    const ends = [0, 1].map((axis) => {
      const sorted = places.map((place) => place[axis]).sort((a, b) => a - b);
      const at = (share) => sorted[Math.round(share * (sorted.length - 1))] ?? 0;
      // A few who are far away must not make everybody small.
      return [Math.min(-around, at(0.03) - 0.7), Math.max(around, at(0.97) + 0.7)];
    });
    this.plane.fit(ends.map((end) => end[0]), ends.map((end) => end[1]));
  }

  draw(index) {
    this.index = index;
    const style = getComputedStyle(document.documentElement);
    this.colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const frame = this.camera.frames[index], pen = this.pen;
    pen.fillStyle = this.colour("paper");
    pen.fillRect(0, 0, this.plane.width, this.plane.height);
    this.occupied = [];
    this.drawGrid();
    if (this.plane.onGround) this.drawOrigin();
    this.people = this.plane.onGround && !frame.g ? [] : frame.who.filter((one) => one.w);
    for (const one of this.people) this.drawAhead(one);
    for (const one of this.people) this.drawTrail(one);
    for (const one of this.people) this.drawPerson(one);
    // Labels last: they keep clear of each other and of everybody's dot and arrow.
    for (const one of this.people) {
      const [x, y] = this.plane.toScreen(one.w[0]);
      this.occupied.push([x - 11, y - 11, x + 11, y + 11]);
      const [right, down] = this.plane.direction(one.v || [0, 0]);
      for (const share of [0.5, 1]) {
        const tip = [x + share * right, y + share * down];
        this.occupied.push([tip[0] - 4, tip[1] - 4, tip[0] + 4, tip[1] + 4]);
      }
    }
    for (const one of [...this.people].sort((a, b) => (b.a || 0) - (a.a || 0))) this.drawLabel(one);
  }

  colourOf(one) {
    return this.settings.colours[one.i % this.settings.colours.length];
  }

  drawGrid() {
    const { pen, plane } = this, step = plane.gridStep();
    const corners = [plane.toPlane([0, 0]), plane.toPlane([plane.width, plane.height])];
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const unit = plane.onGround ? " m" : "";
    pen.font = FONT;
    pen.lineWidth = 1;
    const labels = [];
    for (const axis of [0, 1]) {
      const [low, high] = corners.map((corner) => corner[axis]).sort((a, b) => a - b);
      for (let mark = Math.ceil(low / step); mark * step <= high; mark++) {
        const point = [0, 0];
        point[axis] = mark * step;
        const across = (axis === 0) !== plane.onGround; // a vertical line
        const at = Math.round(plane.toScreen(point)[across ? 0 : 1]) + 0.5;
        pen.strokeStyle = this.colour(mark === 0 ? "axis" : "grid");
        pen.beginPath();
        pen.moveTo(across ? at : 0, across ? 0 : at);
        pen.lineTo(across ? at : plane.width, across ? plane.height : at);
        pen.stroke();
        labels.push([across, at, `${(mark * step).toFixed(digits)}${unit}`]);
      }
    }
    pen.fillStyle = this.colour("faint");
    for (const [across, at, text] of labels) {
      if (across ? at < 56 || at > plane.width - 22 : at < 14 || at > plane.height - 30) continue;
      pen.textAlign = across ? "center" : "left";
      pen.textBaseline = across ? "alphabetic" : "middle";
      pen.fillText(text, across ? at : 6, across ? plane.height - 7 : at);
    }
    pen.textAlign = "left";
    pen.textBaseline = "alphabetic";
    pen.fillText(plane.onGround ? "x, y" : "px", 6, plane.height - 7);
    // Names keep off the labels of the grid.
    this.occupied.push([0, 0, 44, plane.height], [0, plane.height - 22, plane.width, plane.height]);
    if (!plane.onGround) {
      const [left, top] = plane.toScreen([0, 0]);
      const [wide, tall] = this.camera.size.map((side) => side * plane.scale);
      pen.strokeStyle = this.colour("axis");
      pen.strokeRect(left, top, wide, tall);
    }
  }

  /* The robot: a wedge that points along x, the axes, and the circle within which people are near. */
  drawOrigin() {
    const { pen, plane } = this, [x, y] = plane.toScreen([0, 0]);
    const radius = this.settings.near * plane.scale;
    pen.strokeStyle = this.colour("faint");
    pen.setLineDash([3, 4]);
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = pen.strokeStyle = this.colour("ink");
    pen.lineWidth = 1.5;
    this.arrow([x, y], [x, y - 40]);
    this.arrow([x, y], [x - 40, y]);
    pen.font = `italic ${FONT}`;
    pen.fillText("x", x + 6, y - 36);
    pen.fillText("y", x - 42, y - 7);
    pen.beginPath();
    pen.moveTo(x, y - 13);
    pen.lineTo(x + 9, y + 9);
    pen.lineTo(x, y + 4);
    pen.lineTo(x - 9, y + 9);
    pen.closePath();
    pen.fill();
    pen.font = FONT;
    pen.textAlign = "center";
    pen.fillStyle = this.colour("faint");
    pen.fillText(this.camera.frameId, x, y + 25);
    const half = pen.measureText(this.camera.frameId).width / 2 + 4;
    pen.textAlign = "left";
    const turned = radius * Math.SQRT1_2, text = `${this.settings.near} m`;
    pen.fillText(text, x + turned + 4, y - turned - 3);
    this.occupied.push([x - half, y + 10, x + half, y + 30], [x - 46, y - 48, x + 14, y + 12]);
  }

  arrow(from, to) {
    const { pen } = this, along = Math.atan2(to[1] - from[1], to[0] - from[0]), head = 7;
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    for (const side of [2.6, -2.6]) {
      pen.moveTo(...to);
      pen.lineTo(to[0] + head * Math.cos(along + side), to[1] + head * Math.sin(along + side));
    }
    pen.stroke();
  }

  /* The predicted way, fainter with time, and the ellipses. */
  drawAhead(one) {
    const { pen, plane } = this, points = one.w.map((place) => plane.toScreen(place));
    const fade = (step) => 1 - 0.75 * step / Math.max(points.length - 1, 1);
    pen.strokeStyle = pen.fillStyle = this.colourOf(one);
    pen.lineWidth = 1.2;
    for (const [step, first, second, angle] of [...one.e].reverse()) {
      const [right, down] = plane.direction([Math.cos(angle), Math.sin(angle)]);
      pen.beginPath();
      pen.ellipse(...points[step], first * plane.scale, second * plane.scale,
        Math.atan2(down, right), 0, 2 * Math.PI);
      pen.globalAlpha = 0.13 * fade(step);
      pen.fill();
      pen.globalAlpha = 0.8 * fade(step);
      pen.stroke();
    }
    pen.lineWidth = 2.5;
    for (let step = 1; step < points.length; step++) {
      pen.globalAlpha = fade(step);
      pen.beginPath();
      pen.moveTo(...points[step - 1]);
      pen.lineTo(...points[step]);
      pen.stroke();
    }
    for (const [step] of one.e.filter((ellipse) => ellipse[0])) {
      pen.globalAlpha = fade(step);
      pen.beginPath();
      pen.arc(...points[step], 3.2, 0, 2 * Math.PI);
      pen.fill();
    }
    pen.globalAlpha = 1;
  }

  drawTrail(one) {
    const { pen, plane } = this, frames = this.camera.frames, now = frames[this.index].t;
    let last = plane.toScreen(one.w[0]);
    pen.strokeStyle = this.colourOf(one);
    pen.lineWidth = 1.5;
    for (let index = this.index; index > 0 && !frames[index].new; index--) {
      const frame = frames[index - 1], age = now - frame.t;
      if (age > TRAIL_SECONDS) break;
      const before = frame.g === frames[this.index].g && frame.who.find((other) => other.i === one.i);
      if (!before || !before.w) continue;
      const point = plane.toScreen(before.w[0]);
      pen.globalAlpha = 0.9 - 0.75 * age / TRAIL_SECONDS;
      pen.beginPath();
      pen.moveTo(...last);
      pen.lineTo(...point);
      pen.stroke();
      last = point;
    }
    pen.globalAlpha = 1;
  }

  drawPerson(one) {
    const { pen, plane } = this, [x, y] = plane.toScreen(one.w[0]);
    if (one.v) {
      const [right, down] = plane.direction(one.v);
      pen.strokeStyle = this.colour("ink");
      pen.lineWidth = 1.6;
      if (Math.hypot(right, down) > 10) this.arrow([x, y], [x + right, y + down]);
    }
    if (one.a) {
      pen.strokeStyle = this.colour(ALERTS[one.a]);
      pen.lineWidth = one.a === 2 ? 4 : 3;
      pen.beginPath();
      pen.arc(x, y, 11, 0, 2 * Math.PI);
      pen.stroke();
    }
    pen.beginPath();
    pen.arc(x, y, 6.5, 0, 2 * Math.PI);
    pen.fillStyle = this.colourOf(one);
    pen.fill();
    pen.strokeStyle = this.colour("ink");
    pen.lineWidth = one.i === this.chosen ? 3 : 1.2;
    pen.setLineDash(one.c ? [2, 2] : []);
    pen.stroke();
    pen.setLineDash([]);
  }

  /* Beside the dot where nothing is in the way; at the end of a thin line where all is full. */
  drawLabel(one) {
    const { pen, plane } = this, [x, y] = plane.toScreen(one.w[0]);
    const speed = one.v ? `  ${Math.hypot(...one.v).toFixed(1)} m/s` : "";
    const text = `${one.i}${speed}`;
    pen.font = `${one.a ? "600 " : ""}${FONT}`;
    const wide = pen.measureText(text).width + 8, tall = 17;
    const clear = ([left, top]) => left >= 0 && top >= 0 && left + wide <= plane.width
      && top + tall <= plane.height && !this.occupied.some((box) =>
        left < box[2] && left + wide > box[0] && top < box[3] && top + tall > box[1]);
    const around = (gap) => [
      [x + gap, y - tall / 2], [x - gap - wide, y - tall / 2], [x + gap * 0.7, y - gap - tall * 0.7],
      [x + gap * 0.7, y + gap * 0.7], [x - wide - gap * 0.7, y - gap - tall * 0.7],
      [x - wide - gap * 0.7, y + gap * 0.7], [x - wide / 2, y - gap - tall], [x - wide / 2, y + gap],
    ];
    const gap = [14, 26, 42, 60].find((size) => around(size).some(clear)) ?? 14;
    const [left, top] = around(gap).find(clear) ?? around(gap)[0];
    if (gap > 14) {
      pen.strokeStyle = this.colour("faint");
      pen.lineWidth = 1;
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(left + wide / 2, top + tall / 2);
      pen.stroke();
    }
    this.occupied.push([left, top, left + wide, top + tall]);
    pen.globalAlpha = one.a ? 1 : 0.8;
    pen.fillStyle = one.a ? this.colour(ALERTS[one.a]) : this.colour("paper");
    pen.beginPath();
    pen.roundRect(left, top, wide, tall, 4);
    pen.fill();
    pen.globalAlpha = 1;
    // The darker scheme's colours are light: black or paper reads on each.
    pen.fillStyle = one.a === 2 ? this.colour("paper") : one.a ? "#1c1b1a" : this.colour("ink");
    pen.textBaseline = "middle";
    pen.fillText(text, left + 4, top + tall / 2 + 0.5);
    pen.textBaseline = "alphabetic";
  }

  /* The person at a place of the screen, or null. */
  personAt([x, y]) {
    const away = (one) => {
      const [right, down] = this.plane.toScreen(one.w[0]);
      return Math.hypot(right - x, down - y);
    };
    const [nearest] = [...this.people].sort((a, b) => away(a) - away(b));
    return nearest && away(nearest) < 22 ? nearest : null;
  }
}
