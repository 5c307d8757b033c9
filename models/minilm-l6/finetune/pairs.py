"""Pairs of a question and the code that answers it, from what ../../training/extract.mjs wrote of the repositories.

    python pairs.py DATA PAIRS        DATA as checkout.mjs, exclusions.mjs and extract-all.mjs left it

As the pairs of the instant lane (native/train/src/pairs.rs), but as texts, and with one kind more: a whole
documentation. PAIRS has a JSON object, a group, per line.
"""
import json
import random
import sys
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path

# At most so many pairs of a kind per repository: no repository shall be most of the data.
MOST = {"sentence": 1500, "whole": 700, "further": 500, "name": 900, "example": 500, "test": 300, "header": 150}
MOST_REPEATS = 3  # A question that asks for more chunks than this asks for nothing.
MOST_OF_NAME = 16
CHUNKS_OF_HEADER = 2
LONGEST_DOC = 400
SHORTEST_QUESTION = 4
ACROSS = "across repositories"


@dataclass
class Pair:
    kind: str
    question: str
    passage: str
    hidden: str  # The passage with the chunk's name hidden, or the same.
    code: str  # Hash: pairs of one code are no wrong answers to each other.
    place: int  # In the order of the repository's files.


@dataclass
class Group:
    repository: str
    language: str
    held_out: bool
    pairs: list = field(default_factory=list)
    chunks: dict = field(default_factory=dict)  # Hash of the code to its embedding text without documentation.


@dataclass
class Exclusions:
    codes: set
    questions: set
    met: int = 0


def exclusions_of(data):
    lines = (data / "exclusions.txt").read_text().split("\n")
    parts = {prefix: {line[len(prefix):] for line in lines if line.startswith(prefix)} for prefix in ("code ", "query ")}
    return Exclusions(parts["code "], parts["query "])


def crc32c(text):
    crc = 0xFFFFFFFF
    for byte in text.encode():
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 & -(crc & 1))
    return crc ^ 0xFFFFFFFF


def groups_of(data):
    """The repositories; of each language the one whose name has the smallest checksum is held out."""
    listed = [line.split("\t")[:2] for line in (data / "READY").read_text().strip().split("\n")]
    extracted = [(lang, name) for lang, name in listed if (data / "extracted" / file_of(name)).exists()]
    of_language = defaultdict(list)
    for language, name in extracted:
        of_language[language].append(name)
    held = {min(names, key=lambda name: crc32c(name.replace("/", "+"))) for names in of_language.values()}
    return [Group(name, language, name in held) for language, name in extracted]


def file_of(repository):
    return f"{repository.replace('/', '+')}.jsonl"


class Maker:
    """Reads one repository."""

    def __init__(self, group, exclusions, choose):
        self.group, self.exclusions, self.choose = group, exclusions, choose
        self.asked, self.of_file = Counter(), defaultdict(list)
        self.tests, self.functions, self.named = [], defaultdict(list), []

    def add(self, kind, question, passage, hidden, code, place):
        folded = " ".join(question.split()).lower()
        if folded in self.exclusions.questions:
            self.exclusions.met += 1
            return
        self.asked[folded] += 1
        if len(folded) >= SHORTEST_QUESTION and self.asked[folded] <= MOST_REPEATS:
            self.group.pairs.append(Pair(kind, question, passage, hidden, code, place))

    def read(self, records):
        for place, record in enumerate(records):
            if record.get("hash") in self.exclusions.codes:
                self.exclusions.met += 1
            elif record.get("example"):
                for sentence in record["sentences"]:
                    self.add("example", sentence, record["example"], record["example"], record["hash"], place)
            elif record.get("plain"):
                self.chunk(record, place)
        for name, place in self.tests:
            found = self.tested(name)
            if found:
                self.add("test", name, found[0], found[0], found[1], place)
        for record in records:
            chunks = self.of_file.get(record["path"], []) if record.get("header") else []
            for plain, code, place in self.choose.sample(chunks, min(CHUNKS_OF_HEADER, len(chunks))):
                self.add("header", ". ".join(record["header"]), plain, plain, code, place)
        self.cap()

    def chunk(self, record, place):
        plain, code, doc = record["plain"], record["hash"], record["doc"]
        hidden = record.get("masked") or plain
        self.group.chunks[code] = plain
        self.of_file[record["path"]].append((plain, code, place))
        sentences = record["sentences"][:3]
        for at, sentence in enumerate(sentences):
            self.add("sentence" if at == 0 else "further", sentence, plain, hidden, code, place)
        if len(sentences) > 1:
            self.add("whole", " ".join(doc.split())[:LONGEST_DOC], plain, hidden, code, place)
        name = record["name"]
        if len(name.split(" ")) < 2 or not record.get("masked"):
            return
        shown = f"{hidden}\n{doc}" if doc else hidden
        self.add("name", name, shown, shown, code, place)
        if record["kind"] == "test":
            self.tests.append((name, place))
        elif record["kind"] in ("function", "method"):
            self.functions[name].append((shown, code))
            self.named.append((name, hidden, code))

    def tested(self, test):
        """The longest run of a test's first words that is the name of one function alone."""
        words = [word for word in test.split(" ") if word not in ("test", "tests")]
        for length in range(len(words), 1, -1):
            found = self.functions.get(" ".join(words[:length]))
            if found is not None and len(found) == 1:
                return found[0]
        return None

    def cap(self):
        self.choose.shuffle(self.group.pairs)
        taken, kept = Counter(), []
        for pair in self.group.pairs:
            taken[pair.kind] += 1
            if taken[pair.kind] <= MOST[pair.kind]:
                kept.append(pair)
        self.group.pairs = kept


def across(named, choose):
    """Functions of one name in two repositories, their names hidden; other languages rather than the same."""
    pairs = []
    for _, found in sorted(named.items()):
        choose.shuffle(found)
        found = found[:MOST_OF_NAME]
        for at, (group, text, code) in enumerate(found):
            for other, answer, answer_code in found[at + 1:]:
                apart = group.repository != other.repository and code != answer_code
                if apart and (group.language != other.language or at % 2 == 0):
                    if not (group.held_out or other.held_out):
                        pairs.append(Pair("same", text, answer, answer, answer_code, 0))
                    break
    choose.shuffle(pairs)
    return pairs


def main(data, out):
    choose, exclusions, named = random.Random(7), exclusions_of(data), defaultdict(list)
    groups = groups_of(data)
    for group in groups:
        maker = Maker(group, exclusions, choose)
        with (data / "extracted" / file_of(group.repository)).open() as lines:
            maker.read([json.loads(line) for line in lines])
        for name, hidden, code in maker.named:
            named[name].append((group, hidden, code))
    groups.append(Group(ACROSS, "", False, across(named, choose)))
    for held in (False, True):
        kinds = Counter(pair.kind for group in groups if group.held_out == held for pair in group.pairs)
        print("held out" if held else "training", sum(kinds.values()), dict(kinds))
    print(f"{exclusions.met} left out because they occur in the evaluation data")
    with out.open("w") as file:
        for group in groups:
            file.write(f"{json.dumps(asdict(group))}\n")


def read_groups(file):
    with file.open() as lines:
        for line in lines:
            group = json.loads(line)
            yield Group(**{**group, "pairs": [Pair(**pair) for pair in group["pairs"]]})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
