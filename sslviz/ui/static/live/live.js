// The live tab: one Start button, and then the map over the running picture.

import { Connection, packRequest } from "./connection.js";
import { constraints, explain, FrameClock, listDevices, Packer, whyNot } from "./camera.js";
import { HeatPainter, decodePalette } from "./paint.js";
import { Microphone, SoundView } from "./sound.js";
import { View } from "./view.js";
import { offerClip } from "./clip.js";

const HERE = new URL(".", import.meta.url);
const SPECTROGRAM_SECONDS = 10;
const REMEMBERED = "sslviz-live-look";

/** Build the live tab inside `element`; once. */
export async function mount(element) {
  if (element.querySelector(".sslive")) return null;
  if (!document.querySelector("link[data-sslive]")) {
    const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: new URL("live.css", HERE) });
    style.dataset.sslive = "";
    document.head.append(style);
    await new Promise((resolve) => (style.onload = style.onerror = resolve));
  }
  const config = await (await fetch(new URL("config", HERE))).json();
  element.live = new Live(element, config);
  return element.live;
}

class Live {
  constructor(element, config) {
    this.config = config;
    this.view = new View(element);
    this.painter = new HeatPainter(this.view.heat);
    this.sound = new SoundView(this.view.meter, this.view.spectrogram, config.silence_gate_dbfs);
    this.packer = new Packer(config.max_side);
    this.palettes = Object.fromEntries(Object.entries(config.palettes).map(([k, v]) => [k, decodePalette(v)]));
    this.facing = "user";
    this.stats = { latencies: [], replies: 0, sent: 0 };
    this.buildSettings();
    this.view.onButton((name) => this[name]());
    this.view.stage.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("visibilitychange", () => this.hidden());
    this.view.state("idle");
    const reason = config.forbidden || whyNot();
    if (reason) this.forbid(reason);
  }

  // ---- settings ----

  buildSettings() {
    const { view, config } = this;
    view.choices("checkpoint", config.checkpoints.map((c) => ({ value: c.name, label: c.title })), config.default);
    view.choices("seconds", config.record_seconds.map((s) => ({ value: s, label: `${s} seconds` })), config.record_seconds[1]);
    const saved = readSaved();
    const look = { ...config.style, ...saved };
    view.palettes(this.palettes, this.palettes[look.palette] ? look.palette : "inferno");
    for (const name of ["opacity", "threshold", "halfLifeMs"]) view.input(name).value = look[name];
    for (const name of ["fill", "contour", "crossHair"]) view.input(name).checked = look[name];
    view.root.querySelector(".sl-side").addEventListener("input", ({ target }) => this.changed(target));
    this.look();
    this.describeMethod();
  }

  changed({ name }) {
    if (name === "checkpoint") this.changeMethod();
    else if (name === "camera" || name === "microphone") this.changeDevice(name);
    else if (name !== "seconds") this.look();
  }

  /** Read the look from the controls; nothing of it concerns the server. */
  look() {
    const { view } = this;
    const palette = view.root.querySelector("[name=palette]:checked").value;
    const style = { palette };
    for (const name of ["opacity", "threshold", "halfLifeMs"]) {
      const slider = view.input(name);
      style[name] = Number(slider.value);
      slider.style.setProperty("--at", `${(100 * (slider.value - slider.min)) / (slider.max - slider.min)}%`);
      const output = view.root.querySelector(`[data-of="${name}"]`);
      output.textContent = `${style[name]} ${output.dataset.unit}`.trim();
    }
    for (const name of ["fill", "contour", "crossHair"]) style[name] = view.input(name).checked;
    save(style);
    this.style = style;
    this.painter.setStyle({ ...style, palette: this.palettes[palette] });
    view.legend(this.scale, this.palettes[palette]);
  }

  describeMethod() {
    const chosen = this.config.checkpoints.find((c) => c.name === this.view.input("checkpoint").value);
    this.view.root.querySelector('[data-text="method"]').textContent = chosen?.summary ?? "";
  }

  async changeMethod() {
    this.describeMethod();
    if (!this.stream) return;
    this.disconnect();
    this.painter.clear();
    await this.guard(() => this.connect());
  }

  async changeDevice(kind) {
    if (!this.stream) return;
    await this.guard(async () => {
      const wanted = constraints({
        camera: kind === "camera" ? this.view.input("camera").value : "",
        microphone: kind === "microphone" ? this.view.input("microphone").value : "",
        facing: this.facing,
      });
      await this.replaceTrack(kind === "camera" ? { video: wanted.video } : { audio: wanted.audio });
    });
  }

  async replaceTrack(wanted) {
    const old = wanted.video ? this.stream.getVideoTracks() : this.stream.getAudioTracks();
    for (const track of old) {
      track.onended = null;
      track.stop(); // a phone opens one camera at a time
      this.stream.removeTrack(track);
    }
    const fresh = await navigator.mediaDevices.getUserMedia(wanted);
    for (const track of fresh.getTracks()) this.adopt(track);
    if (wanted.audio) this.microphone?.use(this.stream);
    else await this.showVideo();
  }

  // ---- start and stop ----

  async start() {
    if (this.stream || this.view.root.dataset.state === "starting") return;
    this.view.state("starting");
    this.view.notice("Waiting for your permission to use camera and microphone.");
    await this.guard(async () => {
      this.stream = await navigator.mediaDevices.getUserMedia(constraints({ facing: this.facing }));
      for (const track of this.stream.getTracks()) this.adopt(track);
      await this.showVideo();
      await this.fillDevices();
      await this.connect();
    });
  }

  /** Run a step of starting; what fails stops everything and is said. */
  async guard(step) {
    try {
      await step();
    } catch (error) {
      await this.stop();
      this.view.notice(explain(error), { label: "Record a clip instead", run: () => this.clip() });
    }
  }

  adopt(track) {
    if (!this.stream.getTracks().includes(track)) this.stream.addTrack(track);
    track.onended = () => {
      const what = track.kind === "video" ? "camera" : "microphone";
      this.stop().then(() => this.view.notice(`The ${what} was disconnected. Connect it, then press Start.`));
    };
  }

  async showVideo() {
    const { video } = this.view;
    video.srcObject = this.stream;
    await video.play();
    const { facingMode } = this.stream.getVideoTracks()[0].getSettings();
    this.mirrored = (facingMode ?? this.facing) === "user";
    this.view.mirror(this.mirrored);
    this.clock?.stop();
    this.clock = new FrameClock(video, (captured) => this.frame(captured));
    this.animate();
  }

  async fillDevices() {
    const settings = (tracks) => tracks[0]?.getSettings().deviceId;
    const cameras = await listDevices("videoinput");
    this.view.choices("camera", cameras, settings(this.stream.getVideoTracks()));
    this.view.choices("microphone", await listDevices("audioinput"), settings(this.stream.getAudioTracks()));
    this.view.button("flip").hidden = cameras.length < 2;
  }

  async connect() {
    const address = new URL("socket", HERE);
    address.protocol = address.protocol.replace("http", "ws");
    this.ready = null;
    this.waiting = false;
    this.inFlight = null;
    this.sequence = 0;
    this.maps = [];
    this.view.notice("Connecting.");
    const connection = new Connection(address, {
      loading: ({ text }) => this.view.notice(text),
      ready: (message) => this.guard(() => this.begin(message)),
      wait: (message) => this.wait(message),
      go: () => this.go(),
      scale: ({ scale }) => this.showScale(scale),
      map: (reply) => this.reply(reply),
      slow: (message) => this.slow(message),
      recorded: (message) => this.recorded(message),
      not_recorded: ({ text }) => this.view.recordText(text),
      error: ({ text }) => this.ended(text),
      lost: () => this.ended("The connection to the server was lost."),
    });
    this.connection = connection;
    await connection.opened;
    // A name of its own for each connection: the server may still be busy with the last one's picture.
    connection.tell({ type: "hello", visitor: crypto.randomUUID(), checkpoint: this.view.input("checkpoint").value });
  }

  async begin(ready) {
    await this.microphone?.close();
    this.ready = ready;
    this.microphone = new Microphone(ready.sample_rate);
    await this.microphone.open(this.stream, new URL("worklet.js", HERE));
    this.view.excerpt(ready.audio_seconds, SPECTROGRAM_SECONDS, this.microphone.context.sampleRate / 2);
    this.view.untrained(!ready.trained);
    if (!this.waiting) this.go();
  }

  showScale(scale) {
    this.scale = scale;
    this.view.legend(scale, this.palettes[this.style.palette]);
  }

  async ended(text) {
    await this.stop();
    this.view.notice(text, { label: "Start again", run: () => this.start() });
  }

  disconnect() {
    this.connection?.close();
    this.connection = null;
    this.ready = null;
  }

  /** Release the devices and forget the session. */
  async stop() {
    this.disconnect();
    this.clock?.stop();
    cancelAnimationFrame(this.animation);
    for (const track of this.stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.stream = null;
    this.view.video.srcObject = null;
    const microphone = this.microphone;
    this.microphone = null;
    await microphone?.close();
    this.painter.clear();
    this.sound.clear();
    this.view.chip("");
    this.showScale(null);
    this.view.untrained(false);
    this.view.notice("");
    this.view.state("idle");
    this.view.say("Stopped; camera and microphone are released.");
  }

  // ---- turns ----

  wait({ ahead, seconds }) {
    this.waiting = true;
    this.inFlight = null;
    this.painter.clear();
    const others = ahead === 0 ? "You are next" : `${ahead} ${ahead === 1 ? "visitor comes" : "visitors come"} first`;
    this.view.state("waiting");
    this.view.notice(`All places are taken. ${others}; your turn comes in at most ${Math.ceil(seconds)} s.`);
  }

  go() {
    this.waiting = false;
    if (!this.ready || !this.microphone) return;
    this.microphone.trim(this.ready.audio_seconds);
    this.due = 0;
    this.view.notice("");
    this.view.state("running");
    this.view.say("Live.");
  }

  slow({ text, offer }) {
    const action = offer && {
      label: `Use ${offer}`,
      run: () => {
        this.view.input("checkpoint").value = offer;
        this.changeMethod();
      },
    };
    this.view.notice(text, action);
    if (!action) setTimeout(() => this.view.noticeText === text && this.view.notice(""), 8000);
  }

  // ---- one picture ----

  get sending() {
    return this.view.root.dataset.state === "running" && this.ready && this.microphone?.running && !this.waiting;
  }

  /** A new camera picture: send it with all sound since the last one, if the last answer is here. */
  async frame(captured) {
    const now = performance.now();
    const half = this.clock.rate ? 500 / this.clock.rate : 0;
    if (!this.sending || this.inFlight || now < this.due - half) return;
    const { connection, microphone } = this;
    const sequence = this.sequence++;
    this.inFlight = { sequence, captured };
    const jpeg = await this.packer.pack(this.view.video);
    if (connection !== this.connection || microphone !== this.microphone || !this.inFlight) return;
    this.due = now + (this.pace ?? 0);
    connection.send(packRequest(sequence, Math.max(microphone.timeOf(captured), 0), microphone.take(), jpeg));
    this.stats.sent += 1;
  }

  reply(reply) {
    if (!this.inFlight || this.inFlight.sequence !== reply.sequence || this.waiting) return;
    const { captured } = this.inFlight;
    this.inFlight = null;
    this.pace = reply.paceMs;
    this.painter.push(reply.heat, reply.rows, reply.columns);
    this.unpainted = captured;
    this.last = reply;
    this.stats.replies += 1;
    this.maps.push(performance.now());
    if (this.maps.length > 30) this.maps.shift();
    this.tellVerdict(reply);
  }

  tellVerdict({ confidence, verdict, heardSeconds }) {
    const text = this.ready.verdicts[verdict];
    const source = text === "source";
    const hears = heardSeconds < this.ready.audio_seconds - 0.1;
    this.view.confidence(confidence, this.ready.gate);
    const filling = hears ? ` (${heardSeconds.toFixed(0)} of ${this.ready.audio_seconds} s heard)` : "";
    this.view.chip(source ? "" : text[0].toUpperCase() + text.slice(1) + filling);
    const now = performance.now();
    if (now < (this.nextWords ?? 0)) return;
    this.nextWords = now + 2000;
    this.view.say(source ? `Source at the ${placeOf(this.painter.peak(), this.mirrored)}` : text);
  }

  animate() {
    cancelAnimationFrame(this.animation);
    const loop = (now) => {
      this.animation = requestAnimationFrame(loop);
      const { video, root } = this.view;
      if (video.videoWidth) {
        const aspect = video.videoWidth / video.videoHeight;
        if (this.aspect !== aspect) this.view.stage.style.setProperty("--aspect", (this.aspect = aspect));
        if (this.painter.draw(now, aspect) && this.unpainted) this.painted();
      }
      if (this.microphone?.running && root.dataset.state !== "paused")
        this.sound.draw(now, this.microphone, this.palettes[this.style.palette]);
      this.readings(now);
    };
    this.animation = requestAnimationFrame(loop);
  }

  painted() {
    this.stats.latencies.push(performance.now() - this.unpainted);
    if (this.stats.latencies.length > 2000) this.stats.latencies.shift();
    this.unpainted = null;
  }

  readings(now) {
    if (now < (this.nextReadings ?? 0)) return;
    this.nextReadings = now + 500;
    const { maps, stats } = this;
    const recent = stats.latencies.slice(-10).sort((a, b) => a - b);
    const span = maps?.length > 1 ? (now - maps[0]) / 1000 : 0;
    this.view.read("rate", span ? ((maps.length - 1) / span).toFixed(1) : "\u2013");
    this.view.read("latency", recent.length ? `${Math.round(recent[recent.length >> 1])} ms` : "\u2013");
    this.view.read("camera", this.clock?.rate ? `${Math.round(this.clock.rate)} fps` : "\u2013");
  }

  // ---- buttons ----

  pause() {
    const { state } = this.view.root.dataset;
    if (state === "running") {
      this.view.video.pause();
      this.view.state("paused");
      this.view.say("Paused.");
    } else if (state === "paused") {
      this.view.video.play();
      this.view.state("running");
      this.view.say("Live.");
    }
  }

  hidden() {
    const { state } = this.view.root.dataset;
    if (document.hidden && state === "running") this.pausedByHiding = true;
    if (document.hidden ? state === "running" : this.pausedByHiding && state === "paused") this.pause();
    if (!document.hidden) this.pausedByHiding = false;
  }

  mirror() {
    this.mirrored = !this.mirrored;
    this.view.mirror(this.mirrored);
  }

  async flip() {
    this.facing = this.facing === "user" ? "environment" : "user";
    await this.guard(async () => {
      await this.replaceTrack({ video: constraints({ facing: this.facing }).video });
      await this.fillDevices();
    });
  }

  snapshot() {
    const { video, heat } = this.view;
    const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
    const graphics = canvas.getContext("2d");
    if (this.mirrored) graphics.setTransform(-1, 0, 0, 1, canvas.width, 0);
    for (const layer of [video, heat]) graphics.drawImage(layer, 0, 0, canvas.width, canvas.height);
    if (this.ready && !this.ready.trained) markUntrained(graphics);
    const time = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
    canvas.toBlob((blob) => {
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: `sslviz-${time}.png` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    }, "image/png");
    this.view.say("Snapshot saved.");
  }

  record() {
    const { palette, opacity, threshold, halfLifeMs, fill, contour, crossHair } = this.style;
    this.view.recordText("Saving the last seconds.");
    this.connection?.tell({
      type: "record",
      seconds: Number(this.view.input("seconds").value),
      style: { color_map: palette, opacity, threshold, half_life_ms: halfLifeMs, fill, contours: contour, cross_hair: crossHair },
    });
  }

  recorded({ files, seconds, token }) {
    const links = files.map((file) => ({ ...file, url: new URL(file.url, HERE) }));
    const opened = { url: new URL(`../?result=${token}`, HERE), label: "Open with timeline and downloads", name: null };
    this.view.offerDownloads([...links, opened], seconds);
  }

  key(event) {
    const action = { " ": "pause", s: "snapshot", r: "record", m: "mirror" }[event.key.toLowerCase()];
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && event.target === this.view.stage;
    if (!action || !plain || this.view.button(action).disabled) return;
    event.preventDefault();
    this[action]();
  }

  // ---- where live is impossible ----

  forbid(reason) {
    this.view.root.querySelector(".sl-start").hidden = true;
    this.view.notice(reason, { label: "Record a clip instead", run: () => this.clip() });
  }

  clip() {
    offerClip(this.view, this.config);
  }
}

function markUntrained(graphics) {
  const { width, height } = graphics.canvas;
  graphics.setTransform(1, 0, 0, 1, 0, 0);
  graphics.fillStyle = "#be141e";
  graphics.fillRect(0, height * 0.44, width, height * 0.12);
  graphics.fillStyle = "#fff";
  graphics.font = `bold ${Math.round(width / 28)}px sans-serif`;
  graphics.textAlign = "center";
  graphics.textBaseline = "middle";
  graphics.fillText("UNTRAINED WEIGHTS: THIS IS NOT A RESULT", width / 2, height / 2);
}

function placeOf(peak, mirrored) {
  if (!peak) return "centre";
  const third = (value) => Math.min(Math.floor(value * 3), 2);
  const x = mirrored ? 1 - peak.x : peak.x;
  return [["upper", "", "lower"][third(peak.y)], ["left", "", "right"][third(x)]].filter(Boolean).join(" ") || "centre";
}

function save(style) {
  try {
    localStorage.setItem(REMEMBERED, JSON.stringify(style));
  } catch { /* blocked storage: the look is not remembered */ }
}

function readSaved() {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED)) ?? {};
  } catch {
    return {};
  }
}
