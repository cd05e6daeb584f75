"use strict";

/* The clock of the page: the video's time where there is a video that plays, else its own. */
class Player {
  constructor(video, { onFrame, onPlaying, onTrouble }) {
    Object.assign(this, { video, onFrame, onPlaying, onTrouble });
    this.frame = 0;
    this.playing = false;
    this.speed = 1;
    video.addEventListener("play", () => this.set(true));
    video.addEventListener("pause", () => this.set(false));
    video.addEventListener("ended", () => {
      this.show(this.count - 1); // at high speed its picture may be left out
      this.set(false);
    });
    video.addEventListener("error", () => {
      if (!this.alone) this.goAlone(`This browser cannot play ${this.name}`);
    });
    this.follow();
  }

  load(camera) {
    this.pause();
    this.count = camera.frames.length;
    this.rate = camera.rate;
    this.name = camera.video;
    this.alone = false;
    this.video.hidden = false;
    if (camera.video) {
      this.video.src = camera.video;
      this.video.playbackRate = this.speed;
      this.onTrouble("");
    } else {
      this.goAlone("OpenCV could not write a video that browsers play");
    }
    this.seek(0);
  }

  goAlone(why) {
    const wasPlaying = this.playing;
    this.alone = true;
    this.video.hidden = true;
    this.set(false);
    this.onTrouble(`${why}: the view from above plays alone.`);
    if (wasPlaying) this.play();
  }

  set(playing) {
    this.playing = playing;
    this.onPlaying(playing);
  }

  show(frame) {
    const inside = Math.min(Math.max(frame, 0), this.count - 1);
    if (inside === this.frame) return;
    this.frame = inside;
    this.onFrame(inside);
  }

  /* While it plays, each new picture of the video tells its frame. */
  follow() {
    const { video } = this;
    const take = (seconds) => {
      // The time of a picture is rounded to milliseconds.
      if (!this.alone && this.playing && !video.seeking) this.show(Math.round(seconds * this.rate));
    };
    if (video.requestVideoFrameCallback) {
      const next = (now, picture) => {
        take(picture.mediaTime);
        video.requestVideoFrameCallback(next);
      };
      video.requestVideoFrameCallback(next);
    } else {
      const next = () => {
        take(Math.floor(video.currentTime * this.rate + 0.01) / this.rate);
        requestAnimationFrame(next);
      };
      next();
    }
  }

  play() {
    if (this.frame === this.count - 1) this.seek(0);
    if (!this.alone) {
      // A video that fails tells so by its error event.
      this.video.play().catch(() => this.set(false));
      return;
    }
    this.set(true);
    let before = null, progress = this.frame;
    const tick = (now) => {
      if (!this.playing || !this.alone) return;
      progress += before === null ? 0 : (now - before) / 1000 * this.rate * this.speed;
      before = now;
      this.show(Math.floor(progress));
      if (this.frame === this.count - 1) this.set(false);
      else requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  pause() {
    this.video.pause();
    if (this.playing) this.set(false);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  seek(frame) {
    this.frame = Math.min(Math.max(frame, 0), this.count - 1);
    // The middle of a frame: its ends belong to two.
    if (!this.alone) this.video.currentTime = (this.frame + 0.5) / this.rate;
    this.onFrame(this.frame);
  }

  step(frames) {
    this.pause();
    this.seek(this.frame + frames);
  }

  setSpeed(speed) {
    this.speed = this.video.playbackRate = speed;
  }
}
