// The WebSocket to the server and the bytes on it (described in live_protocol.py).

const MAGIC = 0x31564c53; // "SLV1", little endian
const REQUEST_BYTES = 32;
const REPLY_BYTES = 44;

export function packRequest(sequence, seconds, sound, jpeg) {
  const data = new ArrayBuffer(REQUEST_BYTES + 2 * sound.samples.length + jpeg.byteLength);
  const view = new DataView(data);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, sequence, true);
  view.setFloat64(8, seconds, true);
  view.setBigUint64(16, BigInt(sound.first), true);
  view.setUint32(24, sound.samples.length, true);
  view.setUint32(28, jpeg.byteLength, true);
  new Int16Array(data, REQUEST_BYTES, sound.samples.length).set(sound.samples);
  new Uint8Array(data, REQUEST_BYTES + 2 * sound.samples.length).set(new Uint8Array(jpeg));
  return data;
}

export function unpackReply(data) {
  const view = new DataView(data);
  if (data.byteLength < REPLY_BYTES || view.getUint32(0, true) !== MAGIC) return null;
  const rows = view.getUint16(40, true);
  const columns = view.getUint16(42, true);
  return {
    sequence: view.getUint32(4, true),
    seconds: view.getFloat64(8, true),
    confidence: view.getFloat32(16, true),
    levelDb: view.getFloat32(20, true),
    stepMs: view.getFloat32(24, true),
    paceMs: view.getFloat32(28, true),
    heardSeconds: view.getFloat32(32, true),
    verdict: view.getUint32(36, true),
    rows,
    columns,
    heat: new Uint8Array(data, REPLY_BYTES, rows * columns),
  };
}

/** Speaks JSON for what happens rarely and bytes for each picture; `handlers` by message type. */
export class Connection {
  constructor(url, handlers) {
    this.handlers = handlers;
    this.over = false;
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => this.receive(data);
    this.socket.onclose = () => this.end();
    this.opened = new Promise((resolve, reject) => {
      this.socket.onopen = resolve;
      this.socket.onerror = () => reject(new Error("The server cannot be reached; reload the page and try again."));
    });
  }

  receive(data) {
    if (typeof data !== "string") {
      const reply = unpackReply(data);
      if (reply) this.handlers.map(reply);
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "error") this.over = true;
    this.handlers[message.type]?.(message);
  }

  /** The line went dead without a word from the server. */
  end() {
    if (this.over) return;
    this.over = true;
    this.handlers.lost?.();
  }

  tell(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  send(data) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(data);
  }

  close() {
    this.over = true;
    this.socket.close(1000);
  }
}
