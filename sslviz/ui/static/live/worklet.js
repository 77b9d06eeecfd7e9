// Hands the microphone's samples over at the method's rate, numbered without a gap.
//
// Where the audio context already runs at that rate the browser has resampled and samples pass as they
// are; where a browser refuses such a context (Firefox), a windowed sinc does it here.

const ZERO_CROSSINGS = 16;
const PHASES = 512;
const CHUNK_SECONDS = 0.02;

/** Band-limited resampling of a stream, one block at a time. */
export class Resampler {
  constructor(fromRate, toRate) {
    this.step = fromRate / toRate;
    const cutoff = Math.min(1, toRate / fromRate) * 0.95;
    this.half = Math.ceil(ZERO_CROSSINGS / cutoff);
    this.table = Array.from({ length: PHASES + 1 }, (_, p) => this.kernel(p / PHASES, cutoff));
    this.input = new Float32Array(this.half); // silence before the start, so that output 0 is input 0
    this.position = this.half; // of the next output, on the samples held in `input`
  }

  kernel(phase, cutoff) {
    const taps = new Float32Array(2 * this.half);
    for (let i = 0; i < taps.length; i++) {
      const x = i - this.half + 1 - phase;
      const sinc = x === 0 ? 1 : Math.sin(Math.PI * x * cutoff) / (Math.PI * x * cutoff);
      const window = Math.abs(x) < this.half ? 0.5 + 0.5 * Math.cos((Math.PI * x) / this.half) : 0;
      taps[i] = cutoff * sinc * window;
    }
    return taps;
  }

  /** Float32Array in, Float32Array out; what cannot be computed yet comes with the next block. */
  process(block) {
    const joined = new Float32Array(this.input.length + block.length);
    joined.set(this.input);
    joined.set(block, this.input.length);
    const output = [];
    while (Math.floor(this.position) + this.half < joined.length) {
      const whole = Math.floor(this.position);
      const taps = this.table[Math.round((this.position - whole) * PHASES)];
      let sum = 0;
      for (let i = 0; i < taps.length; i++) sum += taps[i] * joined[whole - this.half + 1 + i];
      output.push(sum);
      this.position += this.step;
    }
    const keep = Math.max(Math.floor(this.position) - this.half, 0);
    this.input = joined.slice(keep);
    this.position -= keep;
    return Float32Array.from(output);
  }
}

if (typeof AudioWorkletProcessor !== "undefined") {
  class SoundTap extends AudioWorkletProcessor {
    constructor({ processorOptions }) {
      super();
      const { rate } = processorOptions;
      this.resampler = rate === sampleRate ? null : new Resampler(sampleRate, rate);
      this.chunk = new Float32Array(Math.round(rate * CHUNK_SECONDS));
      this.filled = 0;
      this.sent = 0;
      this.started = false;
      this.stopped = false;
      this.port.onmessage = () => (this.stopped = true);
    }

    process([input]) {
      if (!this.started && !input.length) return true;
      this.started = true;
      // A microphone that went away is silence: time goes on.
      const block = input.length ? input[0] : new Float32Array(128);
      for (const sample of this.resampler ? this.resampler.process(block) : block) {
        this.chunk[this.filled++] = sample;
        if (this.filled === this.chunk.length) this.post();
      }
      return !this.stopped;
    }

    post() {
      const samples = this.chunk.slice();
      const first = this.sent;
      this.sent += this.filled;
      this.filled = 0;
      this.port.postMessage({ first, samples }, [samples.buffer]); // afterwards samples are gone
    }
  }
  registerProcessor("sslviz-sound-tap", SoundTap);
}
