"""Every word that the app shows, in one place."""

TITLE = "sslviz"
TAGLINE = "See which pixels make the sound."
DESCRIPTION = (
    "Drop a video: sslviz paints where its sound comes from, and says when it does not know."
)

TAB_VIDEO = "Video"
TAB_LIVE = "Live"
TAB_IMAGE = "Image + sounds"
TAB_COMPARE = "Compare"
TAB_ABOUT = "About"

RUNS_AT = "sslviz runs at {url} (Ctrl-C stops it)"

# Method
METHOD = "Method"
CHECKPOINT = "Checkpoint"
CHECKPOINT_INFO = "Bundled ones run at once. Or type hf:USER/NAME for any checkpoint on the Hub."
MAPS_PER_SECOND = "Maps per second"
MAPS_INFO = "More follow fast changes; fewer run sooner."
DEVICE = "Device"
AUTO = "Start as soon as a clip is here"
RUN = "Find the sound"
NO_CLIP = "Drop a video first: MP4, MOV, WebM, MKV, AVI or another common format."
ESTIMATE = "{time} for this clip, with {checkpoint} on this machine."
ESTIMATE_UNKNOWN = "The clip does not say how long it is; the time left appears while it runs."
ESTIMATE_ABSENT = "{checkpoint} is not on this machine: the first run downloads it."
ESTIMATE_EMPTY = "The time this takes is shown here once a clip is in."
MISSING = "{name} (not on this machine)"
WITH_SIZE = "{name} ({where}, {size} MB)"

# Look
LOOK = "Look"
COLOR_MAP = "Colours"
OPACITY = "Opacity"
THRESHOLD = "Hide heat below"
COLOR_SCALE = "Full colour means"
SCALE_FIXED = "the same score always"
SCALE_CLIP = "this clip's strongest"
SCALE_FRAME = "each frame's strongest"
PERSISTENCE = "Persistence, ms"
MARKS = "Draw"
MARK_FILL = "heat"
MARK_CONTOURS = "contours"
MARK_BOX = "box"
MARK_CROSS = "cross-hair"
MARK_BAR = "colour bar"
MARK_BADGE = "badge"
APPLY = "Write this look to the video"
RESET = "Reset"
SETTINGS_UPLOAD = "Load settings"

# Keep
KEEP = "Keep"
KEEP_EMPTY = "Downloads appear here when a result is there."
DOWNLOAD_OVERLAY = "Painted video"
DOWNLOAD_SIDE = "Side by side"
DOWNLOAD_POSTER = "Poster"
DOWNLOAD_TRACK = "Raw maps"
DOWNLOAD_CSV = "Table"
DOWNLOAD_SETTINGS = "Settings"

# Trust
TRUST = "Is it listening?"
TRUST_BUTTON = "Swap the sound and see"
TRUST_INFO = "Same pictures with their own sound, silence, noise and another sound."
TRUST_NO_SOUND = "This clip has no sound, so there is nothing to swap; try one with sound."
TRUST_NO_LENGTH = (
    "This clip does not say how long it is, so its sound cannot be swapped; save it as MP4 first."
)
TRUST_BARS = "How sure the method is with each sound"
TRUST_SOUNDS = {
    "true": "own sound",
    "silence": "silence",
    "noise": "noise",
    "other": "another sound",
}

SETTINGS_FILE = "This file"

# Progress
WINDOWS_OF = "{done} of {total} windows"
WINDOWS = "{done} windows"
MAPS_RATE = "{rate:.1f} maps/s"
TIME_LEFT = "{time} left"
LOADING = "Loading {name}"
WAITING = "Reading the clip"
RESTYLING = "Writing the new look"
COMPOSING = "Putting original and painted video side by side"
ACCEPTED_ANY_LENGTH = "any length, up to {megabytes:.0f} MB"
ACCEPTED = "up to {length} and {megabytes:.0f} MB"
UNKNOWN_LENGTH = "length unknown"
WITH_SOUND = "with sound"
WITHOUT_SOUND = "no sound track"

# Result
STORY = "Strongest at {time}, {place}: {score:.2f} {unit}."
STORY_NONE = "No confident source anywhere in this clip."
STORY_SILENT = "This clip has no sound, so nothing is claimed."
STORY_SHARE = "{share:.0%} of it has a confident source."
PARTIAL = "Stopped early: this is the part that was done."
UNTRAINED = "UNTRAINED WEIGHTS: these colours mean nothing."
PROBE = "Here: {now:.2f} now, between {low:.2f} and {high:.2f} over the clip. {others}"
PROBE_TOP = "Nothing else in this frame is as high."
PROBE_OTHERS = "{count} other cells are at least as high right now; they are outlined."
VIDEO_ALT = "{name} with the source of its sound painted by {checkpoint}. {story}"

# Image
IMAGE_RUN = "Find each sound"
IMAGE_QUERY = "Or words"
IMAGE_QUERY_INFO = "For methods that read text; for example: a barking dog"
NO_IMAGE = "Drop a picture and at least one sound first."
NO_TEXT_QUERY = "{checkpoint} hears but does not read; choose an ACL checkpoint for words."

# Compare
COMPARE_CHOICE = "Two to four checkpoints"
COMPARE_RUN = "Compare"
COMPARE_FEW = "Choose two to four checkpoints to compare; {count} chosen."
COMPARE_DIFFERENCE = "mean difference {value:.3f} ({unit})"
COMPARE_RANKS = "rank agreement {value:+.2f}"
COMPARE_ONLY_RANKS = "their numbers mean different things, so only the ranking compares"

SHARE_OF_SCALE = "share of its own scale"
AGREEMENT = "rank agreement"

# Errors
NOT_ALLOWED = "{name!r} cannot be used here; choose one of the list, or hf:USER/NAME."
TOO_LARGE = (
    "{name} has {size}; up to {limit} are allowed here. Cut it, or run sslviz on your own machine."
)
NO_MCP = (
    "SSLVIZ_MCP is set, but the package mcp is not here; run pip install 'gradio[mcp]', or remove "
    "the setting."
)
NO_ROOM_ON_DISK = (
    "There is no room left for files here, or they may not be written. Try again in a few minutes, or "
    "run sslviz on your own machine."
)
NO_MEMORY = (
    "This machine has no memory left for it. Try again in a minute, or a shorter part of the clip."
)
CLOSING = "The app is being restarted. Try again in a minute."
CROWDED = "Too many files are being looked at right now. Try again in a minute."
FORGOTTEN = "This file is no longer here: it was deleted after its time. Drop it again."
INTERNAL = "Something went wrong here, and it is noted in the log. Try again, or try another file."

# For the page's own scripts
SCRIPT = {
    "close": "Close",
    "theme": "Light or dark",
    "lost": "The app does not answer. Check that it still runs, then try again.",
    "too_large": TOO_LARGE,
    "sending": "Sending {name}",
    "choose": "Choose a file",
    "record_video": "Record a clip",
    "record_sound": "Record",
    "record_image": "Take a photo",
    "take_photo": "Take the photo",
    "start_recording": "Start recording",
    "stop_recording": "Stop and use it",
    "cancel": "Cancel",
    "camera_denied": "The browser may not use camera or microphone; allow it beside the address, then try again.",
    "camera_missing": "No camera or microphone was found; connect one, or drop a file instead.",
    "camera_failed": "Camera or microphone is busy; close other programs that use it, then try again.",
    "drop_video": "Drop a video",
    "drop_video_hint": "MP4, MOV, WebM, MKV, AVI and more; {accepted}. Or paste one.",
    "drop_image": "Drop a picture",
    "drop_image_hint": "Or paste one.",
    "drop_sound": "Add a sound",
    "drop_sound_hint": "A sound or a video file.",
    "other_clip": "Another clip",
    "poster_alt": "First picture of the clip",
    "live_alt": "The newest painted frame",
    "preview_alt": "This frame in the new look",
    "preview_chip": "New look, this frame only",
    "cannot_play": "This browser cannot play the file; download it and open it in another player.",
    "play": "Play",
    "pause": "Pause",
    "mute": "Mute",
    "unmute": "Unmute",
    "captions": "Captions that say where the source is",
    "speed": "Speed",
    "step_back": "One frame back",
    "step_forward": "One frame on",
    "fullscreen": "Full screen",
    "player": "Result. Space plays, arrows seek, comma and full stop step by one frame.",
    "progress": "Progress",
    "stop": "Stop and keep what is done",
    "stopping": "Stopping after this window",
    "cut": "Only {start} to {end}. Drag the handles to change.",
    "timeline": "Time. Arrows move by 0.2 s.",
    "span_silent": "silent",
    "span_unsure": "no confident source",
    "keep_empty": KEEP_EMPTY,
    "keep_overlay": DOWNLOAD_OVERLAY,
    "keep_side": DOWNLOAD_SIDE,
    "keep_poster": DOWNLOAD_POSTER,
    "keep_track": DOWNLOAD_TRACK,
    "keep_csv": DOWNLOAD_CSV,
    "keep_settings": DOWNLOAD_SETTINGS,
    "gallery": "Or look at one of these",
    "composite": "composite",
    "real": "own sound",
    "copied": "The link is copied. It works while this app keeps the result: {time}.",
    "copy_link": "Copy link",
    "remove": "Remove",
    "listen": "Listen",
    "listening": "Listening and looking",
    "confidence": "confidence",
    "other_picture": "Another picture",
    "all_maps": "All sounds on one scale",
    "use_clip": "Use the clip of the Video tab",
    "no_clip": NO_CLIP,
    "difference": "At this moment: orange where {a} scores higher, blue where {b} does.",
    "compare_clip": "Drop the clip to compare on",
    "compare_empty": "The same clip, one clock, two to four methods side by side.",
}
