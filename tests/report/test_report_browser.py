"""The HTML report in a real browser: opened from disk, used by pointer and keyboard, narrow, dark and printed."""

import base64
import contextlib
import shutil
from pathlib import Path

import pytest
from report_runs import HOSTILE, VARIANT, fill

from advkd.artifacts.figures import write_figure
from advkd.report import content, page
from advkd.report.content import agreement
from advkd.settings import catalog, config, tags
from checkouts import copy_checkout

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
BROWSER, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs Chromium and its driver (Debian: chromium, chromium-driver)"
)
# Without a screen, without a sandbox (root has none), and without a word to anybody.
FLAGS = ["headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
         "disable-component-update", "disable-sync"]  # fmt: skip
CELL = "#gip_table1 button.cell"
FIGURE = "gip_figureS1"
RUN, TEACHER = "gip/cifar10/resnet18/baseline", "gip/cifar10/resnet34/baseline"

# Every visible text's contrast with what is behind it, after WCAG 2: those below 4.5.
FAINT = """
const channel = (value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
const light = ([r, g, b]) => [r, g, b].reduce((sum, v, i) => sum + [0.2126, 0.7152, 0.0722][i] * channel(v / 255), 0);
const behind = (one) => {
  for (; one; one = one.parentElement) {
    const found = parse(getComputedStyle(one).backgroundColor);
    if (found.length < 4 || found[3] > 0) return found;
  }
  return [255, 255, 255];
};
return [...document.querySelectorAll(arguments[0])].filter((one) => {
  const own = [...one.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  return own && one.checkVisibility() && getComputedStyle(one).clipPath === "none" && one.tagName !== "OPTION";
}).map((one) => {
  const [a, b] = [light(parse(getComputedStyle(one).color)), light(behind(one))].sort((x, y) => y - x);
  return [(a + 0.05) / (b + 0.05), `${one.tagName}.${one.className}: ${one.textContent.slice(0, 40)}`];
}).filter(([ratio]) => ratio < 4.5);
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A page of some runs, with words in their logs that would do harm if they were more than words."""
    with contextlib.chdir(copy_checkout(tmp_path_factory.mktemp("report") / "checkout")):
        user = config.user({"scale": "paper", "seeds": 2, "accept": {"codebrim": f"sha256:{64 * '0'}"}})
        fill(user, HOSTILE)
        write_figure(FIGURE, user, Path("figures", user.scale))
        out = tmp_path_factory.mktemp("out") / "report.html"
        page.write(content.gather_content(user), user, out)
    return out


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in [*FLAGS, f"user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=DRIVER)
    with webdriver.Chrome(options=options, service=service) as found:
        yield found


@pytest.fixture
def browser(driver, report):
    """The page, freshly opened in a window of 1280 pixels, light."""
    resize(driver, 1280)
    driver.get("about:blank")
    driver.get(report.as_uri())
    yield driver
    assert driver.title.startswith("Report at scale "), "words of a run became a script"
    assert not driver.get_log("browser"), "an error, or something the policy refused"


def resize(driver, width: int, dark: bool = False, medium: str = "screen") -> None:
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": medium, "features": [scheme]})


def press(driver, *names: str) -> None:
    keys = [getattr(webdriver.Keys, name) for name in names]
    webdriver.ActionChains(driver).send_keys(*keys).perform()


def all_of(driver, selector: str) -> list:
    return driver.find_elements("css selector", selector)


def one_of(driver, selector: str):
    return driver.find_element("css selector", selector)


def focused(driver) -> str:
    return driver.execute_script("return document.activeElement.id")


def opened(driver) -> bool:
    return driver.execute_script("return document.getElementById('details').open")


def tag(group: str) -> str:
    return tags.tags(config.user())[group]


def shown_rows(driver) -> int:
    return driver.execute_script("return document.querySelectorAll('[data-row]:not([hidden])').length")


def test_a_click_opens_the_runs_of_a_cell_and_escape_returns_to_it(browser):
    all_of(browser, CELL)[0].click()
    body = one_of(browser, "#details-body").text
    assert "95 % interval" in body and RUN in body and "Seed 0: " in body and "Seed 1: " in body
    assert "snakemake --cores all gip_table1" in body and "sha256 model.safetensors" in body
    assert (
        len(all_of(browser, "#details-body polyline")) == 2 * len(all_of(browser, "#details-body .charts figure")) + 2
    )
    assert one_of(browser, "dialog").accessible_name.startswith("GIP, Table 1")
    press(browser, "ESCAPE")
    assert not opened(browser) and focused(browser) == "gip_table1/1"


def test_a_log_is_shown_as_it_is(browser):
    all_of(browser, CELL)[0].click()
    browser.execute_script("for (const one of document.querySelectorAll('#details details')) one.open = true")
    assert "<script>document.title = 'taken'</script>" in one_of(browser, "#details-body").text


def test_the_keyboard_reaches_everything(browser):
    press(browser, "TAB")
    assert browser.switch_to.active_element.text == "Skip to the content"
    browser.execute_script(f"document.querySelector('{CELL}').focus()")
    for key, place in (
        ("ARROW_RIGHT", 2),
        ("ARROW_DOWN", 5),
        ("ARROW_LEFT", 4),
        ("END", 6),
        ("HOME", 4),
        ("ARROW_UP", 1),
    ):
        press(browser, key)
        assert focused(browser) == f"gip_table1/{place}", key
    press(browser, "ENTER")
    assert opened(browser)
    press(browser, "ESCAPE")
    assert focused(browser) == "gip_table1/1"
    press(browser, "TAB")
    assert not focused(browser).startswith("gip_table1/"), "a table takes one stop"


def test_a_dialog_leads_to_parents_and_back(browser):
    all_of(browser, CELL)[2].click()
    one_of(browser, f"#details [data-open='run/{TEACHER}']").click()
    assert one_of(browser, "#details-title").text == f"{tag(TEACHER)} {TEACHER}"
    one_of(browser, "#back").click()
    assert one_of(browser, "#details-title").text.startswith("GIP, Table 1")
    assert len(all_of(browser, "#details-body img")) == 1, "what its generator drew"
    assert not one_of(browser, "#back").is_displayed()
    one_of(browser, "#close").click()
    assert focused(browser) == "gip_table1/3"


@pytest.mark.parametrize("by_tag", [False, True])
def test_an_address_names_a_run_by_its_name_or_its_tag(browser, report, by_tag):
    browser.get("about:blank")
    browser.get(f"{report.as_uri()}#{tag(RUN).lower() if by_tag else f'run/{RUN}'}")
    assert opened(browser) and one_of(browser, "#details-title").text == f"{tag(RUN)} {RUN}"
    assert f"advkd explain {tag(RUN)} " in one_of(browser, "#details-body").text
    press(browser, "ESCAPE")
    assert "#" not in browser.current_url


def test_tags_lead_from_a_cell_to_its_run_and_back(browser):
    cell = all_of(browser, CELL)[0]
    assert one_of(cell, ".tag").text == tag(RUN)
    cell.click()
    one_of(browser, "#details-body p [data-open]").click()
    assert one_of(browser, "#details-title").text == f"{tag(RUN)} {RUN}"
    one_of(browser, "#details-body summary").click()
    one_of(browser, "#details-body [data-open='gip_table1/1']").click()
    assert one_of(browser, "#details-title").text.startswith("GIP, Table 1")
    for _ in range(2):
        one_of(browser, "#back").click()
    press(browser, "ESCAPE")
    assert focused(browser) == "gip_table1/1"


def test_a_run_leads_to_the_figures_that_show_it(browser):
    group = "gip/cifar10/resnet18/gip"
    one_of(browser, f"#runs [data-open='run/{group}']").click()
    browser.execute_script("for (const one of document.querySelectorAll('#details details')) one.open = true")
    one_of(browser, "#details a[href='#gip_figureS1']").click()
    assert not opened(browser)
    top = "return document.getElementById('gip_figureS1').getBoundingClientRect().top"
    assert 0 <= browser.execute_script(top) < 800


def test_a_tag_finds_its_rows_alone(browser):
    field = one_of(browser, "#text")
    field.send_keys(tag(RUN))
    rows = all_of(browser, "[data-row]:not([hidden])")
    assert all(tag(RUN) in row.get_attribute("data-tags").split() for row in rows)
    shown = {cell.table for name in catalog.artifacts() for cell in catalog.cells(name) if RUN in (cell.run, cell.of)}
    place = "return arguments[0].closest('details.table, figure, #figures li, section').id"
    assert {browser.execute_script(place, row) for row in rows} == {*shown, "runs"}
    field.clear()
    field.send_keys("r1")
    assert len(all_of(browser, "#runs [data-row]:not([hidden])")) == 1, "not R10"


def test_samples_of_runs_that_nothing_shows_are_folded_until_they_are_sought(browser):
    image = one_of(browser, f"#samples img[alt*='{VARIANT}']")
    assert not image.is_displayed()
    one_of(browser, "#text").send_keys(tag(VARIANT))
    assert image.is_displayed()
    one_of(browser, "#text").clear()
    one_of(browser, "#text").send_keys(webdriver.Keys.SPACE)
    assert not image.is_displayed()


def test_deviations_are_a_table_or_on_a_phone_a_list(browser):
    one_of(browser, "#text").send_keys("okd rho weight connectors")
    (row,) = all_of(browser, "#deviations [data-row]:not([hidden])")
    head = row.find_element("xpath", "ancestor::table/thead")
    assert "rho = 1" in row.text and head.is_displayed()
    resize(browser, 390)
    assert not head.is_displayed()
    lefts = {round(cell.rect["x"]) for cell in row.find_elements("css selector", "th, td") if cell.is_displayed()}
    assert len(lefts) == 1, "below each other"
    before = "return [...arguments[0].cells].map((cell) => getComputedStyle(cell, '::before').content)"
    assert any("here" in label for label in browser.execute_script(before, row)), "its head stands before each"


def test_on_a_phone_what_the_audit_found_is_within_the_window(browser):
    resize(browser, 390)
    browser.execute_script("for (const fold of document.querySelectorAll('#audit details')) fold.open = true")
    cells = all_of(browser, ".findings tbody tr:first-child td[data-head='Finding']")
    assert cells
    for cell in cells:
        assert cell.is_displayed() and cell.text
        assert cell.rect["x"] >= 0 and cell.rect["x"] + cell.rect["width"] <= 390
    assert not any(head.is_displayed() for head in all_of(browser, ".findings thead"))


def test_an_address_that_encodes_nothing_opens_nothing(browser, report):
    browser.get("about:blank")
    browser.get(f"{report.as_uri()}#100%")
    assert not opened(browser)


def test_text_and_status_filter(browser):
    every = shown_rows(browser)
    one_of(browser, "#text").send_keys("gip table 1 cifar-100")
    assert 0 < shown_rows(browser) < every
    assert not one_of(browser, "#aikd_table2").is_displayed()
    one_of(browser, "#text").clear()
    one_of(browser, "#text").send_keys("gip_table1 gip/cifar100/resnet18/kd")
    assert [row.text.split()[0] for row in all_of(browser, "#tables [data-row]:not([hidden])")] == ["CIFAR-100"]
    assert not one_of(browser, "#figures").is_displayed() and not one_of(browser, "#answer").is_displayed()
    assert one_of(browser, ".hits[data-of='tables']").text == "1" and one_of(browser, "#gip_table1").rect["y"] < 400
    one_of(browser, "#filter button").click()
    browser.execute_script("return new Promise((done) => setTimeout(done))")
    assert shown_rows(browser) == every
    one_of(browser, "option[value='cell: not run']").click()
    assert one_of(browser, "#shown").text == f"{shown_rows(browser)} of {every} entries shown"
    assert {cell.get_attribute("data-state") for cell in all_of(browser, "td.match")} == {"cell: not run"}
    one_of(browser, "option[value='run: done (counts; code changed since)']").click()
    assert shown_rows(browser) == 4


def test_the_filter_stands_in_the_address(browser, report):
    one_of(browser, "#text").send_keys("cifar-100 gip")
    one_of(browser, "option[value='cell: not run']").click()
    asked = "?text=cifar-100+gip&status=cell%3A+not+run"
    assert browser.current_url == f"{report.as_uri()}{asked}"
    rows = shown_rows(browser)
    browser.execute_script(f"document.querySelector('{CELL}').click()")
    press(browser, "ESCAPE")
    browser.execute_async_script("setTimeout(arguments[0], 100)")  # the dialog closes after the key
    assert browser.current_url.endswith(asked)
    browser.get("about:blank")
    browser.get(f"{report.as_uri()}{asked}#runs")
    assert shown_rows(browser) == rows and one_of(browser, "#text").get_property("value") == "cifar-100 gip"
    browser.get("about:blank")
    browser.get(f"{report.as_uri()}?status=nonsense")
    assert not one_of(browser, "#shown").text and one_of(browser, "#answer").is_displayed()


def test_a_filtered_link_hides_no_warning(browser, tmp_path, monkeypatch):
    """What limits the numbers stays above them, whatever is sought."""
    monkeypatch.chdir(copy_checkout(tmp_path / "checkout"))
    user = config.user({"scale": "smoke", "override": {"gip": {"epochs": 3}}})
    gathered = content.gather_content(user)
    overview = gathered.overview._replace(damage=["results/a: cannot be read"])
    page.write(gathered._replace(overview=overview), user, tmp_path / "report.html")
    browser.get(f"{(tmp_path / 'report.html').as_uri()}?text=gip")
    assert one_of(browser, "body.filtering .top h1").is_displayed()
    limits = all_of(browser, ".top > .warning, .top > .damage")
    assert len(limits) == 3 and all(one.is_displayed() for one in limits), "drawn images, other settings, damage"


def test_the_first_view_is_the_answer(browser):
    cards = all_of(browser, ".card")
    assert len(cards) == 3 and len({card.rect["y"] for card in cards}) == 1, "side by side"
    for card in cards:
        image = one_of(card, "img")
        assert image.rect["y"] + image.rect["height"] <= 800 and image.size["width"] > 250
        assert one_of(card, ".said").text and len(all_of(card, ".counts svg")) == 3
        for part in all_of(card, ".about div"):
            assert part.rect["y"] + part.rect["height"] <= 800
    browser.execute_script("document.querySelector('#runs').scrollIntoView()")
    assert one_of(browser, "#filter").rect["y"] >= 0 and one_of(browser, "nav").is_displayed()
    assert browser.execute_script("return document.querySelector('nav').getBoundingClientRect().top") >= 0


def test_a_dark_page_has_dark_plots(browser, report):
    shown = "return document.querySelector('.card img').currentSrc"
    light = browser.execute_script(shown)
    resize(browser, 1280, dark=True)
    browser.get("about:blank")
    browser.get(report.as_uri())
    assert browser.execute_script(shown) != light


def test_what_is_folded_opens_when_an_address_or_a_link_names_it(browser, report):
    assert not all_of(browser, "#aikd_table5 button.cell")[0].is_displayed()
    browser.get("about:blank")
    browser.get(f"{report.as_uri()}#aikd_table5")
    assert all_of(browser, "#aikd_table5 button.cell")[0].is_displayed()
    one_of(browser, "#claims [data-open='claim/aikd-omega-best']").click()
    assert "0.1" in one_of(browser, "#details-title").text
    one_of(browser, "#details a[href='#aikd_table6'], #details a[href='#aikd_table5']").click()
    assert not opened(browser)


def test_a_card_opens_its_tests_and_controls(browser):
    one_of(browser, "[data-open='answer/gip']").click()
    body = one_of(browser, "#details-body").text
    assert "They share nothing random." in body and "the teacher, ResNet-34, on CIFAR-10" in body


def test_the_parts_of_the_cards_stand_in_rows(browser):
    for part in ("h3", ".said", ".counts", ".counts svg", ".plot", ".about", ".more"):
        tops = {round(one_of(card, part).rect["y"]) for card in all_of(browser, ".card")}
        assert len(tops) == 1, part
    bars = {(one.rect["x"] % 352, one.rect["width"]) for one in all_of(browser, ".share")}
    assert len({width for _, width in bars}) == 1, "bars of one length can be compared"


def test_the_side_bar_marks_the_section_in_view(browser):
    look = """const [section, done] = arguments;
        document.querySelector(section).scrollIntoView();
        const look = () => {
          if (document.querySelector("nav [aria-current]")?.hash === section) done(true);
          else setTimeout(look, 50);
        };
        look();"""
    for section in ("#claims", "#audit", "#answer"):
        assert browser.execute_async_script(look, section)


def test_on_a_phone_a_figure_is_cut_into_parts_that_can_be_read(browser, report):
    image, cuts = f"#{FIGURE} img", f"#{FIGURE} .cuts svg"
    assert one_of(browser, image).is_displayed() and not all_of(browser, cuts)
    inches = int(one_of(browser, image).get_attribute("width")) / 130
    resize(browser, 390)
    browser.execute_async_script("setTimeout(arguments[0], 100)")
    parts = all_of(browser, cuts)
    assert parts and not one_of(browser, image).is_displayed()
    shares = browser.execute_script("return JSON.parse(arguments[0].dataset.parts)", one_of(browser, image))
    for part, (_, _, wide, _) in zip(parts, shares, strict=True):
        assert part.rect["x"] >= 0 and part.rect["x"] + part.rect["width"] <= 390
        assert part.rect["width"] / (wide * inches) * 6.5 / 72 >= 8.5, "pixels of the smallest letters"
        assert "Figure S1" in part.accessible_name and f"of {len(parts)}" in part.accessible_name


def test_on_a_phone_only_tables_of_numbers_scroll(browser):
    resize(browser, 390)
    browser.execute_script("for (const one of document.querySelectorAll('details')) one.open = true")
    wide = """return [...document.querySelectorAll(".scroll")].filter((one) => one.scrollWidth > one.clientWidth)
        .filter((one) => !one.querySelector("table.numbers")).map((one) => one.getAttribute("aria-label"))"""
    assert browser.execute_script(wide) == []
    beyond = """return [...document.querySelectorAll("main *, header *, form *")]
        .filter((one) => one.checkVisibility() && !one.closest(".scroll, .quiet"))
        .filter((one) => one.getBoundingClientRect().right > 391).map((one) => one.outerHTML.slice(0, 90))"""
    assert browser.execute_script(beyond) == []


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(browser, width):
    resize(browser, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_script(f"document.querySelector('{CELL}').click()")
    box = one_of(browser, "dialog").rect
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    inside = "const one = document.getElementById('details'); return one.scrollWidth <= one.clientWidth"
    assert browser.execute_script(inside)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out(browser, dark, width):
    resize(browser, width, dark)
    browser.execute_script("for (const one of document.querySelectorAll('main details')) one.open = true")
    assert not browser.execute_script(FAINT, "nav *, form *, header.top *, main *, footer *")
    browser.execute_script(f"document.querySelector('{CELL}').click()")
    assert not browser.execute_script(FAINT, "dialog *")


def test_verdicts_are_words_and_signs_too(browser):
    judged = all_of(browser, "#gip_table1 td[class]:not([class=''])")
    assert judged
    for cell in judged:
        word = cell.get_attribute("class").replace("-", " ")
        assert cell.text.endswith(f"{agreement.SIGNS[word]} {word}")


def test_print_leaves_out_the_controls_and_cuts_no_table(browser):
    resize(browser, 1030, medium="print")  # the width of a landscape A4 page, within its margins
    assert not one_of(browser, "#filter").is_displayed() and not one_of(browser, "nav").is_displayed()
    assert not any(one_of(browser, f"#{name}").is_displayed() for name in ("figures", "audit", "runs"))
    browser.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert all(fold.get_property("open") for fold in all_of(browser, "#tables details.fold"))
    wide = "return [...document.querySelectorAll('table')].filter((one) => one.getBoundingClientRect().right > 1030)"
    assert not browser.execute_script(wide)
    overflow = "return [...document.querySelectorAll('.scroll')].map((one) => getComputedStyle(one).overflowX)"
    assert set(browser.execute_script(overflow)) == {"visible"}
    browser.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert not one_of(browser, "#aikd_table5").get_property("open")
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
