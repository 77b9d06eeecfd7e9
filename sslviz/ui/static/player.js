/* A video with its own small control bar, a probe on the picture, and a preview laid over it. */
(() => {
  const S = window.sslviz;

  S.Player = class {
    /* options: onTime(seconds), onProbe(x, y, seconds), onDirty(); seconds are always the source's:
       a painted part begins at its own 0, which is second `offset` of the source. */
    constructor(host, options) {
      this.options = options;
      this.offset = 0;
      this.video = S.el("video", { playsinline: true, preload: "auto", class: "sv-video" });
      this.preview = S.el("img", { class: "sv-preview", alt: S.text.preview_alt, hidden: true });
      this.probe = S.el("canvas", { class: "sv-probe", "aria-hidden": "true" });
      this.chip = S.el("div", { class: "sv-chip", hidden: true, role: "status" });
      this.caption = S.el("div", { class: "sv-caption", "aria-live": "polite", hidden: true });
      this.picture = S.el("div", { class: "sv-picture" }, this.video, this.preview, this.probe, this.chip, this.caption);
      this.clock = S.el("span", { class: "sv-clock" }, "0:00");
      this.playButton = S.button("play", S.text.play, () => this.toggle(), { id: options.id && `${options.id}-play` });
      this.muteButton = S.button("sound", S.text.mute, () => this.mute());
      this.captionButton = S.button("captions", S.text.captions, () => this.captions(), { "aria-pressed": "false" });
      this.rate = S.el("select", { class: "sv-rate", "aria-label": S.text.speed, onchange: () => (this.video.playbackRate = Number(this.rate.value)) },
        ...[0.25, 0.5, 1, 1.5, 2].map((rate) => S.el("option", { value: rate, selected: rate === 1 }, `${rate}×`)));
      const spring = S.el("span", { class: "sv-spring" });
      this.controls = S.el("div", { class: "sv-controls" },
        S.button("back", S.text.step_back, () => this.step(-1)), this.playButton, S.button("forward", S.text.step_forward, () => this.step(1)),
        this.clock, spring, this.rate, this.captionButton, this.muteButton, S.button("full", S.text.fullscreen, () => this.fullscreen()));
      this.box = S.el("div", { class: "sv-player", tabindex: "0", role: "group", "aria-label": S.text.player }, this.picture, this.controls);
      host.append(this.box);
      this.listen();
    }

    listen() {
      const video = this.video;
      for (const name of ["play", "pause", "ended"]) video.addEventListener(name, () => this.state());
      for (const name of ["timeupdate", "seeked", "loadedmetadata"]) video.addEventListener(name, () => this.tick());
      video.addEventListener("seeked", () => this.options.onDirty?.());
      video.addEventListener("pause", () => this.options.onDirty?.());
      video.addEventListener("error", () => video.src && S.toast(S.text.cannot_play));
      this.probe.addEventListener("click", (event) => this.poke(event));
      this.box.addEventListener("keydown", (event) => this.key(event));
    }

    async load(url, { captions = null, keep = false, poster = "" } = {}) {
      const at = keep ? this.video.currentTime : 0;
      this.clear();
      this.video.poster = poster;
      this.video.src = S.url(url);
      this.video.querySelector("track")?.remove();
      this.caption.hidden = true;
      if (captions) {
        const track = S.el("track", { kind: "captions", srclang: "en", label: S.text.captions, src: S.url(captions) });
        this.video.append(track);
        track.track.mode = "hidden";
        track.addEventListener("cuechange", () => this.cue(track.track));
        this.track = track.track;
        this.cue(track.track);
      }
      this.video.load();
      if (at) this.video.currentTime = at;
    }

    unload() {
      this.video.pause();
      this.video.removeAttribute("src");
      this.video.load();
      this.clear();
    }

    clear() { this.preview.hidden = true; this.chip.hidden = true; this.erase(); }
    get time() { return this.video.currentTime + this.offset; }
    get end() { return this.video.duration + this.offset; }
    seek(time) { if (this.video.duration) this.video.currentTime = Math.min(Math.max(time - this.offset, 0), this.video.duration - 0.001); }
    toggle() { if (this.video.paused) this.play(); else this.video.pause(); }
    async play() { try { await this.video.play(); } catch { this.mute(); this.video.play().catch(() => S.toast(S.text.cannot_play)); } }
    step(way) { this.video.pause(); this.seek(this.time + way / (this.fps || 25)); }
    mute() { this.video.muted = !this.video.muted; this.muteButton.setIcon(this.video.muted ? "mute" : "sound", this.video.muted ? S.text.unmute : S.text.mute); }
    captions() {
      this.captioned = !this.captioned;
      this.captionButton.setAttribute("aria-pressed", String(this.captioned));
      if (this.track) this.cue(this.track);
    }
    cue(track) {
      const words = track.activeCues?.[0]?.text || "";
      this.caption.textContent = words;
      this.caption.hidden = !(this.captioned && words);
    }
    fullscreen() { if (document.fullscreenElement) document.exitFullscreen(); else this.box.requestFullscreen?.(); }

    state() {
      const paused = this.video.paused;
      this.playButton.setIcon(paused ? "play" : "pause", paused ? S.text.play : S.text.pause);
      if (!paused) { this.preview.hidden = true; this.follow(); }
    }

    follow() {
      if (this.video.paused) return;
      this.tick();
      requestAnimationFrame(() => this.follow());
    }

    tick() {
      this.clock.textContent = `${S.clock(this.time, 1)} / ${S.clock(this.end, 1)}`;
      this.options.onTime?.(this.time);
    }

    key(event) {
      if (event.target.matches("select, input, button") && [" ", "Enter"].includes(event.key)) return;
      const actions = {
        " ": () => this.toggle(), k: () => this.toggle(), ArrowLeft: () => this.seek(this.time - 1),
        ArrowRight: () => this.seek(this.time + 1), ",": () => this.step(-1), ".": () => this.step(1),
        m: () => this.mute(), c: () => this.captions(), f: () => this.fullscreen(), Home: () => this.seek(0), End: () => this.seek(this.end),
      };
      const action = actions[event.key];
      if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      action();
    }

    /* Where the picture really is inside the box: the video is letterboxed. */
    area() {
      const box = this.probe.getBoundingClientRect(), ratio = (this.video.videoWidth || 16) / (this.video.videoHeight || 9);
      const width = Math.min(box.width, box.height * ratio), height = width / ratio;
      return { left: (box.width - width) / 2, top: (box.height - height) / 2, width, height, box };
    }

    poke(event) {
      const { left, top, width, height, box } = this.area();
      const x = (event.clientX - box.left - left) / width, y = (event.clientY - box.top - top) / height;
      if (x < 0 || y < 0 || x > 1 || y > 1) return;
      this.options.onProbe?.(x, y, this.time);
    }

    erase() { this.probe.width = 1; }

    /* cells: [[row, column]...] as high as the probed one; grid: [rows, columns] */
    mark(x, y, cells, grid) {
      const { left, top, width, height, box } = this.area();
      this.probe.width = box.width;
      this.probe.height = box.height;
      const g = this.probe.getContext("2d"), tall = height / grid[0], wide = width / grid[1];
      g.lineWidth = 1.5;
      for (const [row, column] of cells) {
        g.strokeStyle = "rgba(0,0,0,.55)"; g.strokeRect(left + column * wide + 2, top + row * tall + 2, wide - 4, tall - 4);
        g.strokeStyle = "rgba(255,255,255,.9)"; g.strokeRect(left + column * wide + 1, top + row * tall + 1, wide - 2, tall - 2);
      }
      for (const [color, thick] of [["rgba(0,0,0,.7)", 5], ["#fff", 2]]) {
        g.strokeStyle = color; g.lineWidth = thick;
        g.beginPath(); g.arc(left + x * width, top + y * height, 9, 0, 7); g.stroke();
      }
    }
  };
})();
