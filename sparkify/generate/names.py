"""The names of people, artists and songs: short lists of words, and rules that combine them.

Every name is invented. Names are computed from numbers: a number always gives the same name, names of
neighbouring numbers do not look alike, and no two artists have the same name.
"""

from collections.abc import Sequence

from sparkify.generate.chance import Weighted


def _listed(text: str, between: str = " ") -> tuple[str, ...]:
    return tuple(text.split(between))


WOMEN = _listed(
    "Ada Alma Amara Anneke Beatrix Brenna Calla Celeste Corinne Dalia Delphine Edith Elodie Esme Fern "
    "Flora Greta Hazel Ilse Imogen Ines Ivy Juno Kaia Leona Lotte Mabel Maren Mina Nadia Nell Odette "
    "Opal Orla Petra Priya Quilla Ramona Rosalind Runa Sabine Selma Signe Tamsin Thea Una Vera Wanda "
    "Willa Xenia Yara Yvette Zelda Zora"
)
MEN = _listed(
    "Abel Alaric Anton Arlo Basil Bram Caspar Cedric Dario Desmond Edmund Elias Emil Ezra Felix Florian "
    "Gideon Hector Hugo Ignatius Ivo Jasper Jonas Kasimir Killian Lars Leopold Linus Magnus Matteo Milo "
    "Nestor Nico Oren Oscar Otis Pascal Quentin Rafael Reuben Rufus Silas Stellan Tobias Ulric Victor "
    "Wendell Yusuf Zane"
)
FAMILIES = _listed(
    "Abernathy Aldgate Ashdown Baines Barlowe Beckwith Birch Blackwood Bramble Calloway Carraway Cobb "
    "Crane Dale Darrow Drummond Eastlake Ellery Fairweather Fenwick Finch Forsyth Gale Garrick Goodwin "
    "Greaves Hale Halloway Harker Hawthorn Heath Hollis Holloway Ingram Jessop Kestrel Kirkland Lark "
    "Larkin Linden Lockwood Lovell Marsh Mather Merriweather Moor Nightingale Northcott Oakes Okafor "
    "Osgood Pemberton Pike Quimby Radcliffe Ravenel Redfern Rook Rowntree Sable Sato Sedgwick Silva "
    "Sorrel Stanhope Starling Sutter Tanaka Thistle Thorne Tolliver Underhill Vance Varga Wakefield "
    "Waverly Weatherby Whitlock Wren Yardley York Zeller"
)

METROS = _listed(
    "Akron, OH|Albuquerque, NM|Amarillo, TX|Atlanta-Sandy Springs-Roswell, GA|"
    "Baltimore-Columbia-Towson, MD|Bend-Redmond, OR|Billings, MT|Boise City, ID|"
    "Boston-Cambridge-Newton, MA-NH|Bremerton-Silverdale, WA|Burlington-South Burlington, VT|"
    "Charlotte-Concord-Gastonia, NC-SC|Chicago-Naperville-Elgin, IL-IN-WI|Cleveland-Elyria, OH|"
    "Dallas-Fort Worth-Arlington, TX|Denver-Aurora-Lakewood, CO|Des Moines-West Des Moines, IA|"
    "Detroit-Warren-Dearborn, MI|Duluth, MN-WI|El Paso, TX|Fargo, ND-MN|Flagstaff, AZ|Fresno, CA|"
    "Green Bay, WI|Honolulu, HI|Kansas City, MO-KS|Knoxville, TN|Las Vegas-Henderson-Paradise, NV|"
    "Lincoln, NE|Little Rock-North Little Rock-Conway, AR|Los Angeles-Long Beach-Anaheim, CA|"
    "Madison, WI|Memphis, TN-MS-AR|Miami-Fort Lauderdale-West Palm Beach, FL|"
    "Minneapolis-St. Paul-Bloomington, MN-WI|Missoula, MT|"
    "Nashville-Davidson--Murfreesboro--Franklin, TN|New York-Newark-Jersey City, NY-NJ-PA|"
    "Oklahoma City, OK|Philadelphia-Camden-Wilmington, PA-NJ-DE-MD|Pittsburgh, PA|"
    "Portland-Vancouver-Hillsboro, OR-WA|Pueblo, CO|Rochester, NY|Salt Lake City, UT|"
    "San Antonio-New Braunfels, TX|Santa Fe, NM|Savannah, GA|Seattle-Tacoma-Bellevue, WA|"
    "Spokane-Spokane Valley, WA|Tucson, AZ|Wichita, KS|Yuma, AZ",
    "|",
)

_KIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_SAFARI = "AppleWebKit/538.12 (KHTML, like Gecko)"
_MOBILE = f"{_SAFARI} Version/8.0 Mobile/12A365"
_CHROMIUM = "Chromium/37.0.2062.120 Chrome/37.0.2062.120"
# Chrome and Safari are in literal double quotes, the others are not, as in the real logs.
AGENTS = Weighted(
    {
        f'"Mozilla/5.0 (Windows NT 6.1; WOW64) {_KIT} Chrome/38.0.2125.66 Safari/537.36"': 17,
        f'"Mozilla/5.0 (Windows NT 6.3; WOW64) {_KIT} Chrome/38.0.2125.58 Safari/537.36"': 9,
        f'"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_5) {_KIT} Chrome/38.0.2125.66 Safari/537.36"': 14,
        f'"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_5) {_SAFARI} Version/7.1 Safari/538.12"': 12,
        f'"Mozilla/5.0 (X11; Linux x86_64) {_KIT} Chrome/38.0.2125.58 Safari/537.36"': 8,
        f'"Mozilla/5.0 (X11; Linux x86_64) {_KIT} Ubuntu {_CHROMIUM} Safari/537.36"': 4,
        f'"Mozilla/5.0 (iPhone; CPU iPhone OS 8_0 like Mac OS X) {_MOBILE} Safari/8536.25"': 7,
        f'"Mozilla/5.0 (iPad; CPU OS 8_0 like Mac OS X) {_MOBILE} Safari/8536.25"': 3,
        f'"Mozilla/5.0 (Linux; Android 4.4.4; Nexus 5) {_KIT} Chrome/38.0.2125.59 Mobile Safari/537.36"': 2,
        "Mozilla/5.0 (Windows NT 6.1; WOW64; rv:33.0) Gecko/20100101 Firefox/33.0": 9,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.10; rv:33.0) Gecko/20100101 Firefox/33.0": 7,
        "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:33.0) Gecko/20100101 Firefox/33.0": 3,
        "Mozilla/5.0 (Windows NT 6.3; Trident/7.0; Touch; rv:11.0) like Gecko": 3,
        "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.1; Trident/6.0)": 2,
    }.items()
)

# Where artists come from: the text in the catalogue, latitude, longitude.
HOMES = (
    ("Asheville, NC", 35.59846, -82.55314),
    ("Athens, Greece", 37.97615, 23.73641),
    ("Austin, TX", 30.26759, -97.74299),
    ("Bergen, Norway", 60.39299, 5.32415),
    ("Bogota", 4.61496, -74.06941),
    ("Brighton, England", 50.82821, -0.13947),
    ("Cardiff, Wales", 51.48126, -3.18067),
    ("Dakar, Senegal", 14.69373, -17.44406),
    ("Detroit, MI", 42.33168, -83.04792),
    ("Galway, Ireland", 53.27195, -9.04889),
    ("Ghent, Belgium", 51.05349, 3.73037),
    ("Hamburg, Germany", 53.55334, 9.99245),
    ("Kingston, Jamaica", 17.99702, -76.79358),
    ("Lisbon", 38.70768, -9.13638),
    ("London, England", 51.50632, -0.12714),
    ("Melbourne, Victoria", -37.81753, 144.96715),
    ("Montreal, Quebec", 45.51228, -73.55439),
    ("New Orleans, LA", 29.95369, -90.07771),
    ("Oakland, CA", 37.80506, -122.27302),
    ("Osaka, Japan", 34.69374, 135.50218),
    ("Porto Alegre, Brazil", -30.03463, -51.21765),
    ("Reykjavik, Iceland", 64.13534, -21.89521),
    ("Sheffield", 53.38311, -1.46454),
    ("Tulsa, OK", 36.15974, -95.99144),
    ("Wellington, New Zealand", -41.28889, 174.77721),
)

_MOODS = _listed(
    "Amber Ancient Bitter Borrowed Brittle Broken Copper Crimson Crooked Distant Electric Empty Faded "
    "Feral Frozen Gentle Gilded Golden Half-Lit Hidden Hollow Hungry Idle Ivory Lonely Lucid Marble "
    "Midnight Narrow Paper Patient Quiet Restless Rusty Salted Second Silver Sleepless Slow Spare "
    "Stolen Sunken Tender Velvet Violet Wandering Wild"
)
_THINGS = _listed(
    "Anchor Antler Arrow Atlas Balloon Barometer Beacon Bell Bridge Cable Candle Canyon Carousel "
    "Cathedral Cinder Circus Comet Compass Engine Falcon Ferry Fiddle Field Garden Ghost Harbor Hour "
    "Island Junction Kettle Kite Ladder Lantern Letter Lighthouse Magnet Meadow Mirror Moth Orchard Owl "
    "Parade Passenger Pendulum Pilot Planet Radio Raven River Rocket Sailor Satellite Shadow Signal "
    "Spark Station Stranger Tiger Tower Valley Whale Window"
)
_DEEDS = _listed(
    "Burning Calling Chasing Counting Feeding Forgetting Holding Leaving Naming Painting Selling Trading"
)
_TOWNS = _listed("Aldermoor Brightwater Coldharbor Dunmere Elmstead Farrow Glasswick Juniper Kessel Larkhill")
_BANDS = ("Orchestra", "Collective", "Quartet", "Sound System", "Ensemble", "Brothers", "Trio", "Choir")
_ACCENTED_FIRST = _listed(
    "Åse Béla Chloé Désirée Émile Günther Hélène Íñigo Jürgen Lætitia Noël Ólöf Søren Zoë"
)
_ACCENTED_LAST = _listed(
    "Ångstrand Bärenhöhle Çelikdağ Dvořovský Færgegård Gonçalvão Håkonsgård Kętrzyński Löwenzahn "
    "Muñozgaray Núñeztegui Øverbø Pâquerette Rêverón Sjöstjärna Þórsdóttir Ünlüsoy Žižkovec"
)
_ACCENTED_WORDS = _listed(
    "Café Crème Déjà Fiancé Niño Mañana Canção Größe Süden Märchen Fjörð Smörgås Rêve Lågen"
)
_OTHER_SCRIPTS = (
    ("Северный", "Тихая", "Зимний", "ветер", "река", "огонь", "сон"),
    ("Γαλάζιο", "Παλιό", "κύμα", "φεγγάρι", "τραγούδι", "καράβι"),
    ("夜明け", "青い", "静かな", "海", "列車", "手紙", "雨"),
    ("봄날의", "푸른", "바다", "편지", "노래"),
)
_EDITIONS = (
    "(Album Version)",
    "(Live)",
    "(Remastered)",
    "(Radio Edit)",
    "(Instrumental)",
    "(Demo)",
    "(Acoustic)",
)

# One artist in 37 has letters beyond ASCII; this remainder selects which.
ACCENTED_ARTIST = 7


def person(bits: int) -> tuple[str, str, str]:
    """First name, last name and gender ("F" or "M") of a listener."""
    bits, last = divmod(bits, len(FAMILIES))
    bits, chance = divmod(bits, 97)
    women = chance < 55
    first = WOMEN if women else MEN
    return first[bits % len(first)], FAMILIES[last], "F" if women else "M"


def artist(number: int) -> str:
    """The name of an artist; different numbers below a million have different names."""
    if number % 37 == ACCENTED_ARTIST:
        first, last, turn = _pick(number // 37, _ACCENTED_FIRST, _ACCENTED_LAST)
        return f"{first} {_initial(turn)}{last}"
    number, kind = divmod(number, 5)
    if kind == 0:
        mood, thing, turn = _pick(number, _MOODS, _THINGS)
        return f"The {mood} {thing}s{_of_town(turn)}"
    if kind == 1:
        first, last, turn = _pick(number, WOMEN + MEN, FAMILIES)
        return f"{first} {_initial(turn)}{last}"
    if kind == 2:
        mood, thing, turn = _pick(number, _MOODS, _THINGS)
        return f"{mood} & {thing} {_BANDS[turn % len(_BANDS)]}{_of_town(turn // len(_BANDS))}"
    if kind == 3:
        mood, thing, turn = _pick(number, _MOODS, _THINGS)
        return f"{mood} {thing}" if not turn else f"{mood} {thing} {turn + 1}"
    first, thing, turn = _pick(number, WOMEN + MEN, _THINGS)
    return f"{first} and the {thing}s{_of_town(turn)}"


def title(bits: int) -> str:
    """The title of a song: sometimes with an edition, a quote, a slash or letters beyond ASCII."""
    bits, kind = divmod(bits, 80)
    if kind == 0:
        bits, word = divmod(bits, len(_ACCENTED_WORDS))
        return f"{_ACCENTED_WORDS[word]} {_THINGS[bits % len(_THINGS)]}"
    if kind == 1:
        return f'Theme From "The {_phrase(bits)}"'
    if kind == 2:
        return f"{_phrase(bits)} / {_phrase(bits // 97)}"
    if kind == 3:
        # The real catalogue holds this control character where a curly apostrophe lost its high byte.
        return f"Don\x19t {_phrase(bits)}"
    if kind < 24:
        bits, edition = divmod(bits, len(_EDITIONS))
        return f"{plain_title(bits)} {_EDITIONS[edition]}"
    return plain_title(bits)


def plain_title(bits: int) -> str:
    """A title of ASCII letters, spaces and hyphens, of more than one word."""
    bits, kind = divmod(bits, 8)
    bits, thing = divmod(bits, len(_THINGS))
    if kind == 0:
        return f"{_DEEDS[bits % len(_DEEDS)]} the {_THINGS[thing]}"
    if kind == 1:
        return f"{_THINGS[thing]} of {_TOWNS[bits % len(_TOWNS)]}"
    if kind == 2:
        return f"{_phrase(bits)} and the {_THINGS[thing]}"
    if kind == 3:
        bits, deed = divmod(bits, len(_DEEDS))
        return f"{_DEEDS[deed]} a {_phrase(bits)} in {_TOWNS[thing % len(_TOWNS)]}"
    if kind == 4:
        return f"{_phrase(bits)} {_THINGS[thing]}"
    return _phrase(bits)


def foreign_title(bits: int) -> str:
    """A title without any Latin letter: Cyrillic, Greek, Japanese or Korean."""
    bits, script = divmod(bits, len(_OTHER_SCRIPTS))
    words = _OTHER_SCRIPTS[script]
    bits, one = divmod(bits, len(words))
    return f"{words[one]} {words[bits % len(words)]}"


def respelt(text: str, bits: int) -> str:
    """The same ASCII letters in the same order, in other case or with other punctuation."""
    kind = bits % 3
    if kind == 0:
        return text.upper() if text != text.upper() else text.lower()
    if kind == 1:
        return text.replace(" ", "-") + "!"
    return text.lower().replace(" ", "_") + "..."


def _phrase(bits: int) -> str:
    bits, mood = divmod(bits, len(_MOODS))
    return f"{_MOODS[mood]} {_THINGS[bits % len(_THINGS)]}"


def _pick(number: int, one: Sequence[str], other: Sequence[str]) -> tuple[str, str, int]:
    # 7919 is a prime that divides no list's length: every pair comes up once before the first comes again.
    turn, pair = divmod(number, len(one) * len(other))
    a, b = divmod(pair * 7919 % (len(one) * len(other)), len(other))
    return one[a], other[b], turn


def _initial(turn: int) -> str:
    """'' for the first turn, then 'A. ' ... 'Z. ', then two initials, and so on."""
    text = ""
    while turn:
        turn, letter = divmod(turn - 1, 26)
        text += chr(65 + letter) + ". "
    return text


def _of_town(turn: int) -> str:
    if not turn:
        return ""
    again, town = divmod(turn - 1, len(_TOWNS))
    return f" of {_TOWNS[town]}" + (f" {again + 1}" if again else "")
