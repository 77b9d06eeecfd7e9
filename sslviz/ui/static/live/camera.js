// Camera and microphone from one permission prompt, pictures with their time, and what can go wrong.

const SOUND_AS_IT_IS = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };

/** Constraints; an id of "" leaves the choice to the browser. */
export function constraints({ camera = "", microphone = "", facing = "" }) {
  const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
  if (camera) video.deviceId = { exact: camera };
  else if (facing) video.facingMode = { ideal: facing };
  const audio = { ...SOUND_AS_IT_IS };
  if (microphone) audio.deviceId = { exact: microphone };
  return { video, audio };
}

/** Why this browser cannot go live at all, or "". */
export function whyNot() {
  if (!window.isSecureContext)
    return "Live needs a secure page: open this app over https, or on this machine as http://localhost.";
  if (!navigator.mediaDevices?.getUserMedia) return "This browser does not hand out camera and microphone.";
  if (!window.AudioWorkletNode) return "This browser is too old to listen: it has no AudioWorklet.";
  return "";
}

/** A sentence for what getUserMedia refused. */
export function explain(error) {
  const texts = {
    NotAllowedError:
      "The browser was not allowed to use camera and microphone. Allow both beside the address, then press Start.",
    NotFoundError: "No camera, or no microphone, was found: live needs both. Connect them, then press Start.",
    NotReadableError: "Camera or microphone is in use by another program. Close it there, then press Start.",
    OverconstrainedError: "The chosen device is gone. Choose another one, then press Start.",
  };
  return texts[error.name] ?? error.message ?? String(error);
}

export async function listDevices(kind) {
  const devices = (await navigator.mediaDevices.enumerateDevices()).filter((d) => d.kind === kind && d.deviceId);
  return devices.map((device, i) => ({ value: device.deviceId, label: device.label || `${kind} ${i + 1}` }));
}

/** Calls back for each new picture of the video with the time it was taken, until cancelled. */
export class FrameClock {
  constructor(video, onFrame) {
    this.video = video;
    this.onFrame = onFrame;
    this.running = true;
    this.times = [];
    this.next();
  }

  next() {
    if (!this.running) return;
    if (this.video.requestVideoFrameCallback)
      this.video.requestVideoFrameCallback((now, meta) => this.tick(now, meta.captureTime ?? now));
    else setTimeout(() => this.tick(performance.now(), performance.now()), 33);
  }

  tick(now, captured) {
    if (!this.running) return;
    this.times.push(now);
    if (this.times.length > 30) this.times.shift();
    this.next();
    // Some browsers give a capture time on another clock; a picture is never from the future or old.
    this.onFrame(captured > now || captured < now - 500 ? now : captured);
  }

  /** Pictures per second lately. */
  get rate() {
    const { times } = this;
    return times.length < 2 ? 0 : (1000 * (times.length - 1)) / (times[times.length - 1] - times[0]);
  }

  stop() {
    this.running = false;
  }
}

/** Shrinks the picture and packs it as JPEG. */
export class Packer {
  constructor(maxSide) {
    this.maxSide = maxSide;
    this.canvas = document.createElement("canvas");
    this.graphics = this.canvas.getContext("2d", { alpha: false });
  }

  async pack(video) {
    const scale = Math.min(1, this.maxSide / Math.max(video.videoWidth, video.videoHeight));
    const width = Math.max(1, Math.round(video.videoWidth * scale));
    const height = Math.max(1, Math.round(video.videoHeight * scale));
    if (this.canvas.width !== width || this.canvas.height !== height)
      Object.assign(this.canvas, { width, height });
    this.graphics.drawImage(video, 0, 0, width, height);
    const blob = await new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", 0.85));
    return blob.arrayBuffer();
  }
}
