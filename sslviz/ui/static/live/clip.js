// Where live is impossible: record a clip and hand it to the video tab.

const CLIP_SECONDS = 10;

/** Record here where the browser allows it, else let the phone's camera app do it; then open it. */
export async function offerClip(view, config) {
  if (window.isSecureContext && window.MediaRecorder && navigator.mediaDevices?.getUserMedia) {
    try {
      return deliver(await recordClip(view), config, view);
    } catch (error) {
      view.notice(`${error.message ?? error} Choose a video file instead.`, {
        label: "Choose a video",
        run: () => chooseClip(view, config),
      });
      return null;
    }
  }
  return chooseClip(view, config);
}

async function recordClip(view) {
  const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const stream = await navigator.mediaDevices.getUserMedia({ video: true, audio: raw });
  const pieces = [];
  try {
    view.video.srcObject = stream;
    await view.video.play();
    view.root.dataset.state = "clip";
    const recorder = new MediaRecorder(stream);
    recorder.ondataavailable = ({ data }) => pieces.push(data);
    const stopped = new Promise((resolve) => (recorder.onstop = resolve));
    recorder.start();
    const finish = setTimeout(() => recorder.stop(), CLIP_SECONDS * 1000);
    const early = () => (clearTimeout(finish), recorder.state === "recording" && recorder.stop());
    view.notice(`Recording a clip of ${CLIP_SECONDS} s.`, { label: "Done", run: early });
    await stopped;
    return new File(pieces, "clip.webm", { type: recorder.mimeType.split(";")[0] });
  } finally {
    for (const track of stream.getTracks()) track.stop();
    view.video.srcObject = null;
    view.root.dataset.state = "idle";
    view.notice("");
  }
}

function chooseClip(view, config) {
  const input = Object.assign(document.createElement("input"), { type: "file", accept: "video/*" });
  input.setAttribute("capture", "environment");
  input.onchange = () => input.files.length && deliver(input.files[0], config, view);
  input.click();
  return null;
}

/** Put the file into the video tab's upload, as if it had been dropped there. */
async function deliver(file, config, view) {
  const tab = [...document.querySelectorAll('button[role="tab"]')].find(
    (button) => button.textContent.trim().toLowerCase() === config.clip_tab.toLowerCase(),
  );
  tab?.click();
  for (let tries = 0; tries < 40; tries++) {
    const input = document.querySelector(config.clip_input);
    if (input) {
      const transfer = new DataTransfer();
      transfer.items.add(file);
      input.files = transfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
      return file;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: file.name });
  link.click();
  view.notice("The clip was saved; drop it into the video tab.");
  return file;
}
