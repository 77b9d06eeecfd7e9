"""The words of the About tab."""

WHAT_TITLE = "What this is"
WHAT = (
    "sslviz looks at the pictures of a video and listens to its sound, and paints the places whose "
    "look fits the sound. Nobody marked those places: each method learned from which pictures and "
    "sounds go together.",
    "The numbers are similarity, probability or attention, never loudness. A cold picture is an "
    "answer too: where sound and picture do not fit, nothing is painted and the badge says so.",
)
READ_TITLE = "How to read it"
READ = (
    "On the fixed scale the same colour is the same score, in every frame and every clip. "
    "Hatched spans under the player are silent; grey spans have sound, but no source in the "
    "picture that the method is sure of.",
    "Each checkpoint's gate is set on its training data where as many right sounds are held back as "
    "wrong ones, noise and silence pass (its card says how many). Is it listening? swaps the sound "
    "and shows how far the map moves.",
)
METHODS_TITLE = "Methods"
OURS = (
    "The ideas, networks and losses are the authors' of these papers. The code here is written "
    "anew from them, as are the compact variants, their training and their calibration."
)
CHECKPOINTS_TITLE = "Checkpoints"
COLUMNS = ("Checkpoint", "Method", "Where", "Licence", "Weights", "Measured, or how to get it")
METRICS = (
    "Each number is named with its protocol in the checkpoint's own card; where none stands, none "
    "was measured."
)
MISSING = "not on this machine"
ON_HUB = "on the Hub"
DAMAGED = "damaged: install it again"
UNTRAINED = "UNTRAINED"
LIMITS_TITLE = "What it cannot do"
LIMITS = (
    "It finds what looks like the source of a sound, not which of two equal dogs barks.",
    "A source outside the picture has no place in it; the badge is the right answer then.",
    "The maps are coarse, some ten to thirty cells a side; edges of the heat are not edges of things.",
    "Each map hears a few seconds of sound, so a change shows with that width; hover the timeline to see it.",
    "The bundled compact checkpoints were trained with categories of a few dozen sounds and photos; "
    "other sounds may be missed or misplaced.",
)
PRIVACY_TITLE = "What is kept"
PRIVACY_KEPT = (
    "Uploads and results lie on the machine that runs this app and are deleted {time} after their "
    "last use."
)
PRIVACY_LINKS = (
    "Each has an address nobody can guess; whoever you give a result's link to can see that result."
)
PRIVACY_LOCAL = (
    "The page loads nothing from elsewhere and sends nothing elsewhere. Weights that are not "
    "bundled are fetched from the Hugging Face Hub when you choose them."
)
PRIVACY_LIMITS = "One file may have up to {size}; length: {length}."
ANY_LENGTH = "any"
KEYS_TITLE = "Keys"
KEYS = (
    "On the player: space plays, arrows seek by a second, comma and full stop step by one frame, "
    "M mutes, C shows captions that say where the source is, F fills the screen. On the timeline: "
    "arrows seek by 0.2 s, page up and down by 5 s.",
)
