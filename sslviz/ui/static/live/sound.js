// The microphone: capture at the method's rate, a clock, a level meter and a rolling spectrogram.

const KEPT_SECONDS = 25; // of sound that could not be sent yet
const SILENT_DB = -90;

/** Captures, numbers and keeps samples until they are taken; tells the time in samples. */
export class Microphone {
  constructor(rate) {
    this.rate = rate;
    this.pending = [];
    this.taken = 0; // number of the first sample not taken yet
    this.offsets = []; // page time of sample 0 as each chunk suggests it: the earliest is right
    this.levelDb = -Infinity;
  }

  async open(stream, workletUrl) {
    this.context = makeContext(this.rate);
    await this.context.resume();
    await this.context.audioWorklet.addModule(workletUrl);
    this.tap = new AudioWorkletNode(this.context, "sslviz-sound-tap", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
      processorOptions: { rate: this.rate },
    });
    this.tap.port.onmessage = ({ data }) => this.keep(data);
    this.analyser = new AnalyserNode(this.context, { fftSize: 1024, smoothingTimeConstant: 0 });
    this.use(stream);
  }

  /** Listen to this stream from now on; the numbering of samples goes on. */
  use(stream) {
    this.source?.disconnect();
    this.source = this.context.createMediaStreamSource(stream);
    this.source.connect(this.tap);
    this.source.connect(this.analyser);
  }

  keep({ first, samples }) {
    const end = (first + samples.length) / this.rate;
    this.offsets.push(performance.now() / 1000 - end);
    if (this.offsets.length > 500) this.offsets.shift(); // 10 s: follows drift between the clocks
    this.pending.push({ first, samples });
    const oldest = first + samples.length - KEPT_SECONDS * this.rate;
    while (this.pending[0].first < oldest) this.pending.shift();
    let power = 0;
    for (const sample of samples) power += sample * sample;
    this.levelDb = 10 * Math.log10(power / samples.length + 1e-12);
  }

  get running() {
    return this.offsets.length > 0;
  }

  /** Seconds since sample 0 at a moment of `performance.now()`. */
  timeOf(milliseconds) {
    return milliseconds / 1000 - Math.min(...this.offsets);
  }

  /** All sound that was not taken yet: {first, samples: Int16Array}. */
  take() {
    const first = this.pending.length ? this.pending[0].first : this.taken;
    const length = this.pending.reduce((sum, chunk) => sum + chunk.samples.length, 0);
    const samples = new Int16Array(length);
    let at = 0;
    for (const chunk of this.pending)
      for (const value of chunk.samples)
        samples[at++] = Math.max(-32768, Math.min(32767, Math.round(value * 32768)));
    this.pending = [];
    this.taken = first + length;
    return { first, samples };
  }

  /** Forget all but the last seconds (nobody listens while a visitor waits for a turn). */
  trim(seconds) {
    let kept = Math.ceil((seconds * this.rate) / (this.pending[0]?.samples.length || 1));
    this.pending = kept > 0 ? this.pending.slice(-kept) : [];
  }

  async close() {
    this.tap?.port.postMessage("stop");
    this.source?.disconnect();
    if (this.context && this.context.state !== "closed") await this.context.close();
  }
}

function makeContext(rate) {
  try {
    const context = new AudioContext({ sampleRate: rate, latencyHint: "interactive" });
    if (!navigator.userAgent.includes("Firefox")) return context;
    context.close(); // Firefox makes it, and then refuses to connect a microphone of another rate
  } catch {
    // this browser runs at its own rate; the worklet resamples
  }
  return new AudioContext({ latencyHint: "interactive" });
}

/** Level meter with peak hold, and the last seconds as a spectrogram. */
export class SoundView {
  constructor(meter, spectrogram, gateDb) {
    this.meter = meter;
    this.spectrogram = spectrogram;
    this.gateDb = gateDb;
    this.shownDb = SILENT_DB;
    this.peakDb = SILENT_DB;
    this.columnSeconds = 0.025;
    this.drawnAt = 0;
  }

  clear() {
    this.spectrogram.getContext("2d").clearRect(0, 0, this.spectrogram.width, this.spectrogram.height);
    this.showLevel(SILENT_DB);
  }

  draw(now, microphone, palette) {
    const level = Math.max(microphone.levelDb, SILENT_DB);
    this.shownDb = level > this.shownDb ? level : this.shownDb + (level - this.shownDb) * 0.15;
    this.peakDb = Math.max(this.shownDb, this.peakDb - 0.25);
    this.showLevel(this.shownDb);
    // As many columns as time went by: the axis stays true when the page is busy.
    const due = Math.floor((now - this.drawnAt) / (1000 * this.columnSeconds));
    if (due < 1) return;
    this.drawnAt = due > this.spectrogram.width ? now : this.drawnAt + due * 1000 * this.columnSeconds;
    this.addColumns(microphone.analyser, palette, Math.min(due, this.spectrogram.width));
  }

  showLevel(db) {
    const share = (value) => `${Math.max(0, Math.min(100, (1 - value / SILENT_DB) * 100)).toFixed(1)}%`;
    this.meter.style.setProperty("--level", share(db));
    this.meter.style.setProperty("--peak", share(this.peakDb));
    this.meter.style.setProperty("--gate", share(this.gateDb));
    this.meter.setAttribute("aria-valuenow", Math.round(db));
    this.meter.setAttribute("aria-valuetext", db <= SILENT_DB ? "silence" : `${Math.round(db)} dBFS`);
  }

  addColumns(analyser, palette, count) {
    const { width, height } = this.spectrogram;
    const graphics = this.spectrogram.getContext("2d", { willReadFrequently: true });
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const nyquist = analyser.context.sampleRate / 2;
    const column = graphics.createImageData(count, height);
    for (let y = 0; y < height; y++) {
      const hz = frequencyAt(1 - (y + 0.5) / height, nyquist);
      const heat = Math.max(0, Math.min(1, (bins[Math.round((hz / nyquist) * (bins.length - 1))] + 100) / 75));
      const color = Math.round(heat * 255) * 3;
      const pixel = [palette[color], palette[color + 1], palette[color + 2], 255];
      for (let x = 0; x < count; x++) column.data.set(pixel, 4 * (y * count + x));
    }
    graphics.globalCompositeOperation = "copy";
    graphics.drawImage(this.spectrogram, -count, 0);
    graphics.globalCompositeOperation = "source-over";
    graphics.putImageData(column, width - count, 0);
  }
}

/** Hz at a height in [0, 1]: a mel axis from 60 Hz up, as ears have it. */
export function frequencyAt(height, nyquist) {
  const mel = (hz) => 2595 * Math.log10(1 + hz / 700);
  const low = mel(60);
  return 700 * (10 ** ((low + height * (mel(nyquist) - low)) / 2595) - 1);
}
