/* Record a short clip, a sound or a photo in the browser; raw sound, without voice processing. */
(() => {
  const S = window.sslviz;
  const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
  const WANTED = {
    video: { video: { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "environment" }, audio: RAW },
    sound: { audio: RAW },
    image: { video: { width: { ideal: 1280 }, facingMode: "environment" } },
  };
  const why = (error) =>
    error.name === "NotAllowedError" ? S.text.camera_denied : error.name === "NotFoundError" ? S.text.camera_missing : S.text.camera_failed;

  S.record = async (kind, done) => {
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia(WANTED[kind]);
    } catch (error) {
      S.toast(why(error));
      return;
    }
    const view = kind === "sound" ? S.el("div", { class: "sv-meter" }, S.el("i")) : S.el("video", { playsinline: true, muted: true });
    const label = S.el("p", { class: "sv-record-time", "aria-live": "polite" }, "");
    const main = S.el("button", { type: "button", class: "sv-primary" }, kind === "image" ? S.text.take_photo : S.text.start_recording);
    const cancel = S.el("button", { type: "button", class: "sv-quiet" }, S.text.cancel);
    const dialog = S.el("dialog", { class: "sv-dialog", "aria-label": S.text[`record_${kind}`] }, view, label, S.el("div", { class: "sv-drop-actions" }, main, cancel));
    document.body.append(dialog);
    dialog.showModal();
    if (kind !== "sound") { view.muted = true; view.srcObject = stream; view.play(); }
    let recorder = null, timer = 0;
    const close = () => {
      clearInterval(timer);
      stream.getTracks().forEach((track) => track.stop());
      dialog.remove();
    };
    dialog.addEventListener("close", close);
    cancel.onclick = () => { recorder = null; dialog.close(); };
    main.onclick = () => {
      if (kind === "image") return photo();
      if (recorder) { recorder.stop(); return; }
      const chunks = [], started = performance.now();
      recorder = new MediaRecorder(stream);
      recorder.ondataavailable = (event) => chunks.push(event.data);
      recorder.onstop = () => {
        const keep = recorder;
        dialog.close();
        if (keep) done(new File(chunks, "recording.webm", { type: keep.mimeType }));
      };
      recorder.start(250);
      main.textContent = S.text.stop_recording;
      timer = setInterval(() => {
        const seconds = (performance.now() - started) / 1000;
        label.textContent = S.clock(seconds, 1);
        if (seconds > S.limits.record_seconds) recorder?.stop();
      }, 100);
    };
    const photo = () => {
      const canvas = S.el("canvas", { width: view.videoWidth, height: view.videoHeight });
      canvas.getContext("2d").drawImage(view, 0, 0);
      canvas.toBlob((blob) => { dialog.close(); done(new File([blob], "photo.jpg", { type: "image/jpeg" })); }, "image/jpeg", 0.95);
    };
    if (kind === "sound") meter(stream, view, dialog);
  };

  const meter = (stream, view, dialog) => {
    const context = new AudioContext(), analyser = context.createAnalyser(), samples = new Float32Array(1024);
    context.createMediaStreamSource(stream).connect(analyser);
    const step = () => {
      if (!dialog.isConnected) return context.close();
      analyser.getFloatTimeDomainData(samples);
      const level = 20 * Math.log10(Math.hypot(...samples) / Math.sqrt(samples.length) + 1e-6);
      view.firstChild.style.width = `${Math.max(0, Math.min(100, (level + 60) * 1.8))}%`;
      requestAnimationFrame(step);
    };
    step();
  };
})();
