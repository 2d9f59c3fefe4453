"""One list of words, so that the demo model has seen every word that the built-in tasks use."""

from __future__ import annotations

GIRLS = (
    "Mary Anna Emma Lucy Alice Laura Julia Sarah Rachel Kate Jane Susan Helen Amy Lisa Rose Clara "
    "Grace Lily Ruth Emily Maria Linda Nancy Betty Carol Diana Ellen Fiona Holly"
).split()
BOYS = (
    "John Tom James David Paul Mark Peter Daniel Robert Henry Jack Sam Adam Simon Luke Kevin "
    "Brian Steven George Tim Ben Carl Frank Harry Ian Larry Martin Oliver Ralph Victor"
).split()
NAMES = [*GIRLS, *BOYS]

PLACES = (
    "store park school station market garden beach library museum office hospital restaurant "
    "theater farm church hotel"
).split()
OBJECTS = (
    "drink ring book ball letter basket flower gift apple camera ticket pencil necklace cookie "
    "hat kite lamp cup"
).split()

EVENTS = (
    "war expedition campaign voyage conflict struggle project reign rebellion trial mission "
    "dispute festival siege drought strike"
).split()
CENTURIES = [str(c) for c in range(11, 20)]
YEARS = [f"{y:02d}" for y in range(100)]

# singular and plural of each noun
NOUNS = [
    pair.split("/")
    for pair in (
        "key/keys cabinet/cabinets dog/dogs cat/cats car/cars tree/trees house/houses "
        "friend/friends teacher/teachers student/students doctor/doctors farmer/farmers "
        "pilot/pilots singer/singers writer/writers painter/painters author/authors "
        "banker/bankers driver/drivers soldier/soldiers table/tables chair/chairs window/windows "
        "door/doors bird/birds horse/horses child/children man/men woman/women picture/pictures"
    ).split()
]
PREPOSITIONS = "on near behind beside under above".split()
# verbs that agree: singular, plural
VERBS = [("is", "are"), ("was", "were"), ("has", "have")]
ADJECTIVES = (
    "red blue green old new small big happy sad tired quiet loud bright dark clean warm cold tall"
).split()
