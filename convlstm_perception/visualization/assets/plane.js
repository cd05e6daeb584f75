"use strict";

/* A part of a plane on a screen. On the ground x goes up and y to the left (REP-103, from above);
   in an image x goes to the right and y down. */
class Plane {
  constructor(onGround) {
    this.onGround = onGround;
    this.centre = [0, 0]; // of the screen, in the plane
    this.scale = 1; // pixels of the screen a unit
    this.width = this.height = 1; // of the screen
    this.moved = false; // by somebody's hand
  }

  /* Show everything from low to high. */
  fit(low, high) {
    const [wide, tall] = this.onGround
      ? [high[1] - low[1], high[0] - low[0]] : [high[0] - low[0], high[1] - low[1]];
    this.scale = 0.88 * Math.min(this.width / wide, this.height / tall);
    this.centre = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
  }

  direction([x, y]) {
    return this.onGround ? [-y * this.scale, -x * this.scale] : [x * this.scale, y * this.scale];
  }

  toScreen([x, y]) {
    const [right, down] = this.direction([x - this.centre[0], y - this.centre[1]]);
    return [this.width / 2 + right, this.height / 2 + down];
  }

  toPlane([right, down]) {
    const a = (right - this.width / 2) / this.scale, b = (down - this.height / 2) / this.scale;
    return this.onGround
      ? [this.centre[0] - b, this.centre[1] - a] : [this.centre[0] + a, this.centre[1] + b];
  }

  /* The point under the pointer stays there. */
  zoom(factor, pointer) {
    this.moved = true;
    const before = this.toPlane(pointer);
    this.scale *= factor;
    const after = this.toPlane(pointer);
    this.centre = this.centre.map((value, axis) => value + before[axis] - after[axis]);
  }

  drag(right, down) {
    this.moved = true;
    this.centre = this.toPlane([this.width / 2 - right, this.height / 2 - down]);
  }

  /* Distance between grid lines: 1, 2 or 5 times a power of ten, at least 44 pixels apart. */
  gridStep() {
    const least = 44 / this.scale, power = 10 ** Math.floor(Math.log10(least));
    return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= least);
  }
}
