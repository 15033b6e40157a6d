"""lib/entity_page.py: any text stands in the page as it is, also in a browser."""

import contextlib
import io
import re
import struct
import zlib
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes.lib import entity_page, files, page_style, passages
from biocodes.lib.entities import Annotated, Entity, count_types
from biocodes.lib.passages import Passage
from kit.pages import Strict, in_browser

ANNOTATED = [
    Annotated(
        Passage("31415", "title", "Zinc in Wilson disease"),
        [
            Entity(0, 4, "Chemical", "Zinc", 0.9876),
            Entity(8, 22, "Disease", "Wilson disease"),
        ],
    ),
    Annotated(Passage("31415", "abstract", "Nothing here."), []),
    Annotated(
        Passage("2", None, "Ataxia and ataxia"),
        [
            Entity(0, 6, "Disease", "Ataxia", 1.0),
            Entity(11, 17, "Disease", "ataxia", 0.5),
        ],
    ),
]

LINKED = '<a href="https://pubmed.ncbi.nlm.nih.gov/31415/">31415</a>'

any_text = st.text(
    st.sampled_from("ab &<>\"'-/=!;#x0\n\r\t\0\x85\ufeff\u202e")
    | st.characters(blacklist_categories=["Cs"])
)


def page_of(annotated, title="Title", counts=None):
    stream = io.StringIO()
    entity_page.write_page(stream, annotated, title, counts)
    return stream.getvalue()


# The text and the markup


@settings(deadline=None)
@given(any_text, any_text, any_text, st.data())
def test_any_text_stands_in_the_page_as_it_is(name, title, text, data):
    kind = data.draw(st.sampled_from(["A", "</style>", '"&<>', "\\'", "*/", "Größe"]))
    spans = passages.word_spans(text)
    entities = [Entity(start, end, kind, text[start:end], 0.5) for start, end in spans]
    page = page_of([Annotated(Passage(name, None, text), entities)], title)
    parsed = Strict(page)
    held = text.replace("\0", "\ufffd")
    none = "" if entities else "No entities were found.\n"
    assert parsed.texts.get("p", "") == none.strip() + held
    assert parsed.texts.get("h1", "") == title.replace("\0", "\ufffd")
    assert parsed.tags["article"] == parsed.tags["h2"] == 1
    assert parsed.tags["script"] == parsed.tags["style"] == 1
    marks = [
        own for tag, own in parsed.attributes if tag == "mark" and "data-type" in own
    ]
    assert [own["data-type"] for own in marks] == [kind] * len(entities)


@pytest.mark.parametrize(
    "kind", ["</style><p>", '"}', "\\", "a;b", "Größe", "\U0001f9ec"]
)
def test_no_name_of_a_type_ends_the_style_sheet(kind):
    passage = Passage("1", None, "a")
    parsed = Strict(page_of([Annotated(passage, [Entity(0, 1, kind, "a")])]))
    label = re.search(r'--label:"([^"]*)"', parsed.texts["style"]).group(1)
    assert re.fullmatch(r"([A-Z0-9]|\\[0-9a-f]+ )+", label)


def test_title_and_abstract_share_a_heading():
    page = page_of(ANNOTATED)
    assert re.findall("<h2>(.*?)</h2>", page) == [LINKED, "2"]
    assert Strict(page).tags["article"] == 2
    assert 'data-id="31415" data-section="abstract">Nothing here.</p>' in page


def test_marks_tell_type_and_score():
    page = page_of(ANNOTATED)
    assert (
        '<mark class="t0" data-type="Chemical" data-score="0.9876"'
        ' title="Chemical, score 0.988">Zinc</mark> in <mark class="t1"'
        ' data-type="Disease" title="Disease">Wilson disease</mark></p>'
    ) in page


def test_legend_counts_the_types():
    page = page_of(ANNOTATED)
    legend = re.findall(r'value="(\w+)" checked> <mark.*?class="count">(\d+)<', page)
    assert legend == [("Chemical", "1"), ("Disease", "3")]


def test_page_streams_when_the_counts_are_given():
    taken = []

    def passing():
        for item in ANNOTATED:
            taken.append(item)
            yield item

    class Stream(io.StringIO):
        def write(self, text):
            if "Wilson" in text:
                assert len(taken) == 1
            return super().write(text)

    stream = Stream()
    counts = count_types(ANNOTATED)
    entity_page.write_page(stream, passing(), "Title", counts)
    assert stream.getvalue() == page_of(ANNOTATED)


def test_page_without_entities_says_so():
    page = page_of([Annotated(Passage("1", None, "Nothing."), [])])
    assert "No entities were found." in page
    assert Strict(page).tags["form"] == 0


def test_page_loads_nothing():
    page = page_of(ANNOTATED)
    assert "default-src 'none'" in page
    page = page.replace(LINKED, "")  # which a reader may follow
    assert not re.search(r"https?:|\bsrc=|<link|@import|url\(", page)


@pytest.mark.parametrize(
    "name, section, linked",
    [
        ("31415", "title", True),
        ("31415", None, False),  # a line
        ("8751855", None, True),
        ("0123456", "title", False),
        ("PMC31415", "title", False),
    ],
)
def test_ids_that_are_pmids_lead_to_pubmed(name, section, linked):
    page = page_of([Annotated(Passage(name, section, "Nothing."), [])])
    assert (f'<a href="https://pubmed.ncbi.nlm.nih.gov/{name}/">' in page) is linked


@pytest.mark.parametrize(
    "content",
    [
        '<p data-id="1"><mark data-type="A" data-score="high">a</mark></p>',
        '<p data-id="1"><mark data-type="A" data-score>a</mark></p>',
        '<p data-id="1"><mark>a</mark></p>',
    ],
)
def test_marks_of_other_pages_are_refused(tmp_path, content):
    path = tmp_path / "page.html"
    path.write_text(content)
    with pytest.raises(files.InputError, match="page.html: not a page of entities"):
        list(entity_page.read(str(path)))


@pytest.mark.parametrize(
    "content, message",
    [
        ('<p data-id="1"><mark data-type>a</mark></p>', "'' is no type of an entity"),
        ('<p data-id="1"><mark data-type="A"> </mark></p>', "0 to 1 is white space"),
        ("<p data-id>a</p>", '"id" is no string'),
        ('<p data-id=" ">a</p>', "the id is empty"),
    ],
)
def test_what_no_page_of_ours_has_is_refused(tmp_path, content, message):
    path = tmp_path / "page.html"
    path.write_text(content)
    with pytest.raises(files.InputError, match=f"page.html: .*{message}"):
        list(entity_page.read(str(path)))


@pytest.mark.parametrize("markup", ["<![x[a]]>", "<![if", "<!x [<!y>", "<?", "&#1e9;"])
def test_markup_that_a_parser_may_refuse_gives_an_empty_page_or_one_line(
    tmp_path, markup
):
    path = tmp_path / "page.html"
    path.write_text(markup)
    with contextlib.suppress(files.InputError):
        assert list(entity_page.read(str(path))) == []


def test_title_that_is_no_text_is_escaped():
    """As the name of a file may be, in bytes that are not UTF-8."""
    page = page_of(ANNOTATED, "r\udce9sum\udce9.txt")
    assert "<h1>r\\udce9sum\\udce9.txt</h1>" in page
    page.encode("utf-8")


# In a browser


@pytest.fixture
def colours_seen(browse, tmp_path):
    """colours_seen(page, fragment, *flags) → Counter of the colours of a screenshot."""

    def shoot(page, fragment="", *flags):
        path = tmp_path / "shot.png"
        browse(page, fragment, f"--screenshot={path}", "--window-size=500,300", *flags)
        return pixels(path.read_bytes())

    return shoot


def pixels(png):
    """Count the colours of an RGB or RGBA image with 8 bits a channel."""
    chunks, offset = {}, 8
    while offset < len(png):
        (length,) = struct.unpack(">I", png[offset : offset + 4])
        name = png[offset + 4 : offset + 8]
        chunks[name] = chunks.get(name, b"") + png[offset + 8 : offset + 8 + length]
        offset += length + 12
    width, height, depth, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert depth == 8
    size = {2: 3, 6: 4}[kind]
    data = zlib.decompress(chunks[b"IDAT"])
    counts, above = Counter(), bytearray(width * size)
    for row in range(height):
        start = row * (width * size + 1)
        line = bytearray(data[start + 1 : start + 1 + width * size])
        unfilter(line, above, data[start], size)
        counts.update(line[i : i + 3].hex() for i in range(0, len(line), size))
        above = line
    return Counter({f"#{colour}": count for colour, count in counts.items()})


def unfilter(line, above, kind, size):
    """Undo a filter of PNG (its section 9.2) in place."""
    for i in range(len(line) if kind else 0):
        left = line[i - size] if i >= size else 0
        corner = above[i - size] if i >= size else 0
        if kind == 4:
            guess = left + above[i] - corner
            near = min((left, above[i], corner), key=lambda value: abs(guess - value))
        else:
            near = (left, above[i], (left + above[i]) // 2)[kind - 1]
        line[i] = (line[i] + near) & 255


def in_main(dumped):
    """Return what a dumped page has in its <main>, after the classes of that."""
    return re.search(
        r"<main(?: class=\"(.*?)\")?>(.*)</main>", dumped, re.DOTALL
    ).groups()


@in_browser
def test_browser_shows_any_text_as_it_is(browse):
    text = " \n\r\ta  <b>&amp;</b>\u202e\x85\ufeff]]><!--\"'\u2028\x0c x \n"
    # Printed by the page's document, in which the browser has it as a string.
    page = page_of([Annotated(Passage("1", None, text), [Entity(5, 6, "A", "a")])])
    shown = in_main(browse(page, "", "--dump-dom"))[1]
    parsed = Strict(shown)
    # The dump writes U+000D as it is, so Python's parser gives it back.
    assert parsed.texts["p"] == text


@in_browser
def test_address_chooses_the_types_that_are_marked(browse):
    page = page_of(ANNOTATED)
    assert not in_main(browse(page, "", "--dump-dom"))[0]
    assert in_main(browse(page, "#types=Disease", "--dump-dom"))[0] == "no-t0"
    dumped = browse(page, "#types=", "--dump-dom")
    assert in_main(dumped)[0] == "no-t0 no-t1"
    assert '<html lang="en" class="js">' in dumped


@in_browser
def test_screen_shows_the_marking_of_the_chosen_types(colours_seen):
    chemical, disease = page_style.colours(0), page_style.colours(1)
    page = page_of(ANNOTATED)
    both = colours_seen(page)
    assert both[chemical.tint] > 300 and both[disease.tint] > 300
    assert both[chemical.line] > 20 and both[disease.line] > 20
    assert both.most_common(1)[0][0] == page_style.PAPER
    # The others lose their colour, in the legend, too, and no word moves.
    single = colours_seen(page, "#types=Disease")
    assert single[disease.tint] == both[disease.tint]
    assert single[chemical.tint] == single[chemical.line] == 0


@in_browser
def test_dark_screen_has_dark_colours(colours_seen):
    seen = colours_seen(
        page_of(ANNOTATED), "", "--blink-settings=preferredColorScheme=0"
    )
    assert seen.most_common(1)[0][0] == page_style.DARK_PAPER
    assert seen[page_style.colours(0).dark_tint] > 300
    assert seen[page_style.colours(0).tint] == 0


@in_browser
def test_boxes_are_used_with_the_page_s_own_script(browse):
    # The policy lets no script run but the page's own, so the clicks become part of it.
    clicks = "boxes[0].click(); scores.click(); only.click();"
    page = page_of(
        [
            *ANNOTATED,
            Annotated(
                Passage("3", None, "Zinc"), [Entity(0, 4, "Chemical", "Zinc", 0.25)]
            ),
        ]
    )
    foreign = page.replace(
        "</main>", "</main><script>document.title = 'foreign'</script>"
    )
    assert "<title>Title</title>" in browse(foreign, "", "--dump-dom")
    page = re.sub("<meta http-equiv[^>]*>", "", page).replace(
        "  read();\n})", f"  read();\n{clicks}\n}})"
    )
    classes, shown = in_main(browse(page, "", "--dump-dom"))
    assert classes == "no-t0 scores"
    assert shown.count('data-shown="') == 4
    assert 'data-shown="0.99"' in shown
    hidden = re.findall(r"<article( hidden=\"\")?>\s*<h2>(.*?)</h2>", shown)
    assert hidden == [("", LINKED), ("", "2"), (' hidden=""', "3")]


def acted(browse, actions):
    """Return the page after some lines of script: (its counts, its main part)."""
    page = re.sub("<meta http-equiv[^>]*>", "", page_of(ANNOTATED))
    page = page.replace("  read();\n})", f"  read();\n{actions}\n}})")
    dumped = browse(page, "", "--dump-dom")
    counts = re.findall('<span class="count">(.*?)</span>', dumped)
    said = re.search("<output>(.*?)</output>", dumped).group(1)
    return [said, *counts], in_main(dumped)[1]


@in_browser
def test_counts_follow_score_and_search(browse):
    said, _ = acted(browse, "")
    assert said == ["3 passages, 4 entities", "1", "3"]
    least = "least.value = 0.9; refresh();"
    said, shown = acted(browse, least)
    assert said == ["3 passages, 3 entities", "1", "2"]
    assert shown.count(" low") == 1
    said, shown = acted(browse, "search.value = 'ATAXIA'; refresh();")
    assert said == ["1 passage, 2 entities", "0", "2"]
    assert shown.count('hidden=""') == 1


@in_browser
def test_mentions_are_listed_and_keys_go_from_one_to_the_next(browse):
    actions = """
    list();
    document.title = [...mentions.children].map(item => item.textContent).join("|");
    for (const key of ["n", "n", "p", "n", "n"]) {
      dispatchEvent(Object.assign(new Event("keydown"), { key }));
    }
    """
    actions = actions.replace("dispatchEvent(", "document.body.dispatchEvent(")
    actions = actions.replace('new Event("keydown")', 'new Event("keydown", bubbling)')
    actions = "const bubbling = { bubbles: true };" + actions
    page = re.sub("<meta http-equiv[^>]*>", "", page_of(ANNOTATED))
    page = page.replace("  read();\n})", f"  read();\n{actions}\n}})")
    dumped = browse(page, "", "--dump-dom")
    assert "<title>Ataxia 2|Zinc 1|Wilson disease 1</title>" in dumped
    current = re.findall(r'<mark class="t\d+ current"[^>]*>([^<]*)<', dumped)
    assert current == ["Ataxia"]


def test_foot_says_how_many_there_are_and_how_they_were_made():
    stream = io.StringIO()
    entity_page.write_page(stream, ANNOTATED, "Title", None, "Model: <x>")
    foot = "<footer>3 passages, 4 entities. Model: &lt;x&gt;</footer>"
    assert foot in stream.getvalue()


def test_print_may_break_inside_of_a_passage():
    (printed,) = re.findall(r"@media print\{.*", page_style.STYLE, re.DOTALL)
    assert "break-inside" not in printed
    assert "orphans:3" in printed


@in_browser
def test_page_reads_back_after_a_browser_has_saved_it(browse, tmp_path):
    saved = tmp_path / "saved.html"
    saved.write_text(browse(page_of(ANNOTATED), "", "--dump-dom"), encoding="utf-8")
    assert list(entity_page.read(str(saved))) == ANNOTATED
