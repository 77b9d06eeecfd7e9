"""Names of things that sound, brought to one spelling, so that data sets can meet."""

_COCO = (
    "1 person;2 bicycle;3 car;4 motorcycle;5 airplane;6 bus;7 train;8 truck;9 boat;10 traffic light;"
    "11 fire hydrant;13 stop sign;14 parking meter;15 bench;16 bird;17 cat;18 dog;19 horse;20 sheep;"
    "21 cow;22 elephant;23 bear;24 zebra;25 giraffe;27 backpack;28 umbrella;31 handbag;32 tie;"
    "33 suitcase;34 frisbee;35 skis;36 snowboard;37 sports ball;38 kite;39 baseball bat;"
    "40 baseball glove;41 skateboard;42 surfboard;43 tennis racket;44 bottle;46 wine glass;47 cup;"
    "48 fork;49 knife;50 spoon;51 bowl;52 banana;53 apple;54 sandwich;55 orange;56 broccoli;57 carrot;"
    "58 hot dog;59 pizza;60 donut;61 cake;62 chair;63 couch;64 potted plant;65 bed;67 dining table;"
    "70 toilet;72 tv;73 laptop;74 mouse;75 remote;76 keyboard;77 cell phone;78 microwave;79 oven;"
    "80 toaster;81 sink;82 refrigerator;84 book;85 clock;86 vase;87 scissors;88 teddy bear;"
    "89 hair drier;90 toothbrush"
)
COCO_CATEGORIES: dict[int, str] = {
    int(number): name
    for number, name in (entry.strip().split(" ", 1) for entry in _COCO.split(";"))
}
"""Official COCO category ids (1 to 90, with gaps), as in mask pictures."""
COCO_CLASSES: tuple[str, ...] = tuple(COCO_CATEGORIES.values())
"""COCO classes 0 to 79 in the order of label files."""

_SAME = {
    "motorcycle": ("motorbike", "scooter", "moped"),
    "airplane": ("aeroplane", "aircraft", "plane"),
    "person": (
        "people", "human", "man", "woman", "face", "person face", "speech", "talking", "speaking",
        "male speech", "female speech", "conversation", "human voice", "voice",
    ),
    "baby": ("infant", "baby cry", "crying baby", "baby crying", "infant cry"),
    "guitar": ("acoustic guitar", "electric guitar"),
    "drums": ("drum", "drum kit", "drum set", "drumset"),
    "chicken": ("hen", "rooster", "chicken rooster"),
    "saxophone": ("sax",),
    "clock": ("clock tick", "wall clock", "clock alarm"),
    "dog": ("dog bark", "dog barking", "puppy"),
    "cat": ("cat meow", "meow", "kitten"),
    "cow": ("cattle", "cow moo"),
    "cell phone": ("mobile phone", "telephone", "phone"),
}  # fmt: skip
_CANONICAL = {other: name for name, others in _SAME.items() for other in others}


def canonical(name: str) -> str:
    """One spelling of a category: lower case, spaces, singular, common synonyms joined.

    >>> canonical("Acoustic_Guitar"), canonical("motorbikes"), canonical("double-bass")
    ('guitar', 'motorcycle', 'double bass')
    """
    plain = " ".join(name.lower().replace("_", " ").replace("-", " ").split())
    if plain in _CANONICAL or plain in _SAME:
        return _CANONICAL.get(plain, plain)
    if plain.endswith("s") and not plain.endswith("ss"):
        single = plain[:-1]
        if single in _CANONICAL or single in _SAME or single in COCO_CLASSES:
            return _CANONICAL.get(single, single)
    return plain
